/* section.c - looks at what a [consumer] section needs in Redis. */
#include <inttypes.h>
#include <sysexits.h>

#include "doctor/doctor.h"
#include "doctor/stream.h"
#include "stream/client.h"
#include "stream/shape.h"
#include "stream/spelling.h"

static void judge_absent(const seg_doctor_section *section, seg_report *report)
{
	if (section->shape) {
		seg_report_ok(
			report, "consumer",
			"[consumer %s] stream %s does not exist yet; segrunner will register it with %" PRIu32
			" partitions",
			section->name, section->stream, section->shape->partitions);
		return;
	}
	seg_report_fail(report, EX_CONFIG, "consumer", "[consumer %s] stream %s does not exist",
			section->name, section->stream);
	seg_report_advise(report,
			  "add partitions = NUMBER to the section, or run segctl stream create %s -p NUMBER",
			  section->stream);
}

static bool judge_shape(const seg_doctor_section *section, const seg_stream *stream, seg_report *report)
{
	const seg_stream_shape *is = &stream->shape, *wanted = section->shape;
	if (!wanted || seg_shape_equal(is, wanted))
		return true;
	seg_report_fail(report, EX_CONFIG, "consumer",
			"[consumer %s] stream %s has %" PRIu32 " partitions of %" PRIu64
			" messages, overflow %s, packing %s; the section asks for %" PRIu32 " of %" PRIu64
			", %s, %s",
			section->name, section->stream, is->partitions, is->partition_size,
			seg_overflow_name(is->overflow), seg_packing_names[is->packing], wanted->partitions,
			wanted->partition_size, seg_overflow_name(wanted->overflow),
			seg_packing_names[wanted->packing]);
	seg_report_advise(report,
			  "a stream never changes its shape: change the section, or use another stream");
	return false;
}

static void judge_group(const seg_doctor_section *section, const seg_stream *stream, seg_report *report)
{
	seg_live_members members;
	seg_partition_sum sum;
	seg_error error;
	if (seg_partition_sum_read(stream, &section->group, 1, &sum, &error) ||
	    seg_live_members_read(stream->client, stream->name, section->group, &members, &error)) {
		seg_judge_error("consumer", &error, report);
		return;
	}
	seg_judge_partitions(stream, &sum, report);
	seg_judge_group(stream, section->group, &sum, sum.without[0], report);
	if (members.count == 0)
		seg_report_ok(report, "consumer", "[consumer %s] group %s has no live member yet",
			      section->name, section->group);
	else
		seg_report_ok(report, "consumer", "[consumer %s] group %s has %zu live member%s (%s)",
			      section->name, section->group, members.count, members.count == 1 ? "" : "s",
			      members.names);
}

void seg_doctor_section_look(seg_client *client, const seg_doctor_section *section, seg_report *report)
{
	seg_stream *stream;
	seg_error error;
	int status = seg_stream_open(client, section->stream, &stream, &error);
	if (status == SEG_ENOTFOUND) {
		judge_absent(section, report);
		return;
	}
	if (status) {
		seg_judge_error("consumer", &error, report);
		return;
	}
	if (judge_shape(section, stream, report))
		judge_group(section, stream, report);
	seg_stream_close(stream);
}
