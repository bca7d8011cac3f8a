/* section.c - looks at what a [consumer] section needs in Redis. */
#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

#include "base/plural.h"
#include "doctor/doctor.h"
#include "doctor/stream.h"
#include "stream/client.h"
#include "stream/shape.h"
#include "stream/spelling.h"

/* One stream of a section. */
typedef struct look {
	seg_client *client;
	const seg_doctor_section *sections;
	size_t count;
	const seg_doctor_section *section;
	const seg_doctor_use *use;
	const char *what; /* "stream", or "output" */
	seg_report *report;
} look;

static bool registers(const seg_doctor_use *use, const char *stream)
{
	return use->shape && strcmp(use->stream, stream) == 0;
}

/* The section that registers the stream before the section at hand needs it; NULL: none does. */
static const seg_doctor_section *registered_before(const look *l)
{
	const char *stream = l->use->stream;
	for (const seg_doctor_section *other = l->sections; other < l->section; other++) {
		if (registers(&other->source, stream))
			return other;
		for (size_t k = 0; k < other->output_count; k++)
			if (registers(&other->outputs[k], stream))
				return other;
	}
	return NULL;
}

static void judge_absent(const look *l)
{
	const char *name = l->section->name, *stream = l->use->stream;
	const seg_doctor_section *before = registered_before(l);
	if (l->use->shape) {
		seg_report_ok(
			l->report, "consumer",
			"[consumer %s] %s %s does not exist yet; segrunner will register it with %" PRIu32
			" partition%s",
			name, l->what, stream, l->use->shape->partitions,
			seg_plural(l->use->shape->partitions));
		return;
	}
	if (before) {
		seg_report_ok(
			l->report, "consumer",
			"[consumer %s] %s %s does not exist yet; [consumer %s], which starts first, will "
			"register it",
			name, l->what, stream, before->name);
		return;
	}
	seg_report_fail(l->report, EX_CONFIG, "consumer", "[consumer %s] %s %s does not exist", name, l->what,
			stream);
	if (l->use == &l->section->source)
		seg_report_advise(
			l->report,
			"add partitions = NUMBER to the section, or run segctl stream create %s -p NUMBER",
			stream);
	else
		seg_report_advise(
			l->report,
			"add output.%s.partitions = NUMBER to the section, or run segctl stream create %s -p NUMBER",
			stream, stream);
}

static bool judge_shape(const look *l, const seg_stream *stream)
{
	const seg_stream_shape *is = &stream->shape, *wanted = l->use->shape;
	if (!wanted || seg_shape_equal(is, wanted))
		return true;
	seg_report_fail(l->report, EX_CONFIG, "consumer",
			"[consumer %s] %s %s has %" PRIu32 " partition%s of %" PRIu64
			" messages, overflow %s, packing %s; the section asks for %" PRIu32 " of %" PRIu64
			", %s, %s",
			l->section->name, l->what, l->use->stream, is->partitions, seg_plural(is->partitions),
			is->partition_size, seg_overflow_name(is->overflow), seg_packing_names[is->packing],
			wanted->partitions, wanted->partition_size, seg_overflow_name(wanted->overflow),
			seg_packing_names[wanted->packing]);
	seg_report_advise(l->report,
			  "a stream never changes its shape: change the section, or use another stream");
	return false;
}

static void judge_group(const seg_doctor_section *section, const seg_stream *stream, seg_report *report)
{
	seg_live_members members;
	seg_partition_sum sum;
	seg_error error;
	bool usable;
	if (seg_partition_sum_read(stream, &section->group, 1, &sum, &error)) {
		seg_judge_error("consumer", &error, report);
		return;
	}
	seg_judge_partitions(stream, &sum, report);
	seg_judge_keys(stream, &section->group, 1, &usable, report);
	seg_judge_group(stream, section->group, &sum, sum.without[0], report);
	if (!usable)
		return;
	if (seg_live_members_read(stream->client, stream->name, section->group, &members, &error)) {
		seg_judge_error("consumer", &error, report);
		return;
	}
	if (members.count == 0)
		seg_report_ok(report, "consumer", "[consumer %s] group %s has no live member yet",
			      section->name, section->group);
	else
		seg_report_ok(report, "consumer", "[consumer %s] group %s has %zu live member%s (%s)",
			      section->name, section->group, members.count, seg_plural(members.count),
			      members.names);
}

/* The stream, if it is there in a shape that the section can use; else NULL, and a finding. */
static seg_stream *open_used(const look *l)
{
	seg_stream *stream;
	seg_error error;
	int status = seg_stream_open(l->client, l->use->stream, &stream, &error);
	if (status == SEG_ENOTFOUND)
		judge_absent(l);
	else if (status)
		seg_judge_error("consumer", &error, l->report);
	if (status)
		return NULL;
	if (judge_shape(l, stream))
		return stream;
	seg_stream_close(stream);
	return NULL;
}

/* Whether a section reads the stream, so that its partitions are judged there. */
static bool is_read(const look *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->sections[i].source.stream, l->use->stream) == 0)
			return true;
	return false;
}

static void judge_output_partitions(const look *l, const seg_stream *stream)
{
	seg_partition_sum sum;
	seg_error error;
	if (is_read(l))
		return;
	if (seg_partition_sum_read(stream, NULL, 0, &sum, &error))
		seg_judge_error("consumer", &error, l->report);
	else {
		seg_judge_partitions(stream, &sum, l->report);
		seg_judge_keys(stream, NULL, 0, NULL, l->report);
	}
}

static void look_at_output(const look *l)
{
	seg_stream *stream = open_used(l);
	if (!stream)
		return;
	uint32_t partitions = stream->shape.partitions;
	seg_report_ok(l->report, "consumer", "[consumer %s] output %s exists, with %" PRIu32 " partition%s",
		      l->section->name, l->use->stream, partitions, seg_plural(partitions));
	judge_output_partitions(l, stream);
	seg_stream_close(stream);
}

void seg_doctor_section_look(seg_client *client, const seg_doctor_section *sections, size_t count, size_t i,
			     seg_report *report)
{
	const seg_doctor_section *section = &sections[i];
	look l = {client, sections, count, section, &section->source, "stream", report};
	seg_stream *stream = open_used(&l);
	if (stream) {
		judge_group(section, stream, report);
		seg_stream_close(stream);
	}
	l.what = "output";
	for (size_t k = 0; k < section->output_count; k++) {
		l.use = &section->outputs[k];
		look_at_output(&l);
	}
}
