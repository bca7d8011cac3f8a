/*
 * packing.c - the gain from packing. The asynchronous producer (default batches, one thread) sends records to
 * a stream that is not packed, packed, or packed and compressed with LZ4 or zstd; then a segrunner consumes the same records.
 * Memory is what Redis uses for the records, including the producer's keys.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "base/plural.h"
#include "experiments/experiment.h"
#include "experiments/rounds.h"
#include "measure/progress.h"
#include "stream/compression.h"

/* Packed records move so fast that a round of the usual number would be too short. */
enum { MESSAGES_FACTOR = 2, PACKINGS = 4 };

typedef struct {
	bench_series rate, client, server; /* records/s; CPU ns a record */
} move;

typedef struct {
	move sent, consumed;
	bench_series memory, memory_ratio;
} figures;

static void note_move(move *m, const bench_measure *measure)
{
	bench_series_add(&m->rate, bench_figure_rate(measure));
	bench_series_add(&m->client, bench_figure_client(measure));
	bench_series_add(&m->server, bench_figure_server(measure));
}

static void measure_round(bench_context *context, figures *f)
{
	bench_workload *workload = &context->workload;
	bench_workload_clear(workload);
	double before = bench_server_info(workload->server, "memory", "used_memory");
	bench_measure sent = bench_rounds_measure(&bench_way_producer, workload);
	double after = bench_server_info(workload->server, "memory", "used_memory");
	bench_measure consumed = bench_rounds_measure(&bench_way_segrunner, workload);
	note_move(&f->sent, &sent);
	note_move(&f->consumed, &consumed);
	bench_series_add(&f->memory, (after - before) / (double)workload->messages);
}

static void report_figure(bench_context *context, seg_packing packing, const char *what, const char *unit,
			  const bench_series *series)
{
	char name[96];
	snprintf(name, sizeof(name), "%s, packing = %s: %s", bench_payload_name(context->workload.payload),
		 bench_workload_packing(packing), what);
	bench_report_figure(&context->report, "packing", name, unit, series);
}

static void report_move(bench_context *context, seg_packing packing, const char *what, const move *m)
{
	char text[64];
	report_figure(context, packing, what, "records/s", &m->rate);
	snprintf(text, sizeof(text), "%s, CPU of the client", what);
	report_figure(context, packing, text, "ns a record", &m->client);
	snprintf(text, sizeof(text), "%s, Redis's CPU", what);
	report_figure(context, packing, text, "ns a record", &m->server);
}

static void report(bench_context *context, figures all[PACKINGS])
{
	for (int packing = 0; packing < PACKINGS; packing++) {
		figures *f = &all[packing];
		if (f->sent.rate.count == 0)
			continue;
		for (size_t i = 0; i < f->memory.count; i++)
			bench_series_add(&f->memory_ratio,
					 f->memory.values[i] / all[SEG_PACKING_OFF].memory.values[i]);
		report_move(context, (seg_packing)packing, "sent", &f->sent);
		report_move(context, (seg_packing)packing, "consumed", &f->consumed);
		report_figure(context, (seg_packing)packing, "Redis's memory", "bytes a record", &f->memory);
	}
}

/* Of zstd, relative to LZ4. */
static void report_zstd(bench_report *report, const figures *zstd, const figures *lz4)
{
	bench_series memory = {0};
	bench_report_ratio(report, "packed-sent-per-s-zstd", &zstd->sent.rate);
	bench_report_ratio(report, "packed-consumed-per-s-zstd", &zstd->consumed.rate);
	for (size_t i = 0; i < zstd->memory.count; i++)
		bench_series_add(&memory, zstd->memory.values[i] / lz4->memory.values[i]);
	bench_report_ratio(report, "packed-memory-zstd", &memory);
}

static void report_goals(bench_report *report, const figures all[PACKINGS])
{
	const figures *packed = &all[SEG_PACKING_ON], *lz4 = &all[SEG_PACKING_LZ4];
	bench_report_ratio(report, "packed-sent-per-s", &packed->sent.rate);
	bench_report_ratio(report, "packed-consumed-per-s", &packed->consumed.rate);
	bench_report_ratio(report, "packed-memory", &packed->memory_ratio);
	if (lz4->sent.rate.count == 0)
		return;
	bench_report_ratio(report, "packed-sent-per-s-lz4", &lz4->sent.rate);
	bench_report_ratio(report, "packed-consumed-per-s-lz4", &lz4->consumed.rate);
	bench_report_ratio(report, "packed-memory-lz4", &lz4->memory_ratio);
	if (all[SEG_PACKING_ZSTD].sent.rate.count > 0)
		report_zstd(report, &all[SEG_PACKING_ZSTD], lz4);
}

static void measure(bench_context *context, bench_payload payload)
{
	bench_workload *workload = &context->workload;
	size_t rounds = bench_experiment_rounds(context);
	figures *all = calloc(PACKINGS, sizeof(*all));
	if (!all)
		err(EX_OSERR, "cannot allocate the figures");
	workload->payload = payload;
	for (size_t round = 0; round < rounds; round++)
		for (int packing = 0; packing < PACKINGS; packing++) {
			if (!seg_packing_supported((seg_packing)packing))
				continue;
			bench_progress("packing = %s, %s: round %zu of %zu",
				       bench_workload_packing((seg_packing)packing),
				       bench_payload_name(payload), round + 1, rounds);
			workload->packing = (seg_packing)packing;
			measure_round(context, &all[packing]);
		}
	report(context, all);
	if (payload == PAYLOAD_JSON)
		report_goals(&context->report, all);
	free(all);
}

static void run(bench_context *context)
{
	const bench_options *options = &context->options;
	bench_workload *workload = &context->workload;
	char heading[128];
	bench_workload_set(workload, options->partitions ? (uint32_t)options->partitions : 8,
			   options->size ? (uint32_t)options->size : 100,
			   MESSAGES_FACTOR * bench_experiment_messages(context));
	snprintf(heading, sizeof(heading),
		 "packing: %llu records of %u bytes, %u partitions, medians of %zu round%s",
		 (unsigned long long)workload->messages, workload->size, workload->partitions,
		 bench_experiment_rounds(context), seg_plural(bench_experiment_rounds(context)));
	bench_report_heading(heading);
	measure(context, PAYLOAD_JSON);
	if (!options->compare)
		measure(context, PAYLOAD_CONSTANT);
	workload->packing = SEG_PACKING_OFF;
	workload->payload = PAYLOAD_CONSTANT;
}

const bench_experiment bench_experiment_packing = {
	.name = "packing",
	.help = "packed streams: records/s, CPU and Redis's memory of a record",
	.run = run,
};
