#include "stream/zstd_contexts.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* So many of each kind are kept: more threads than that seldom compress at the same time. */
enum { KEPT = 16 };

/* A compressor that grew beyond this, for a high level and a large entry, is not kept. */
enum { COMPRESSOR_BYTES_MAX = 16 << 20 };

/* The kept ones; NULL where there is none. */
static _Atomic(void *) compressors[KEPT], decompressors[KEPT];

static void *take(_Atomic(void *) *kept)
{
	for (int i = 0; i < KEPT; i++) {
		/* A look first: it does not take the line from another core. */
		if (!atomic_load_explicit(&kept[i], memory_order_relaxed))
			continue;
		void *context = atomic_exchange_explicit(&kept[i], NULL, memory_order_acquire);
		if (context)
			return context;
	}
	return NULL;
}

static bool keep(_Atomic(void *) *kept, void *context)
{
	for (int i = 0; i < KEPT; i++) {
		void *nothing = NULL;
		if (atomic_compare_exchange_strong_explicit(&kept[i], &nothing, context, memory_order_release,
							    memory_order_relaxed))
			return true;
	}
	return false;
}

ZSTD_CCtx *seg_zstd_compressor_take(void)
{
	ZSTD_CCtx *context = take(compressors);
	return context ? context : ZSTD_createCCtx();
}

void seg_zstd_compressor_give(ZSTD_CCtx *context)
{
	if (ZSTD_sizeof_CCtx(context) > COMPRESSOR_BYTES_MAX || !keep(compressors, context))
		ZSTD_freeCCtx(context);
}

ZSTD_DCtx *seg_zstd_decompressor_take(void)
{
	ZSTD_DCtx *context = take(decompressors);
	return context ? context : ZSTD_createDCtx();
}

void seg_zstd_decompressor_give(ZSTD_DCtx *context)
{
	if (!keep(decompressors, context))
		ZSTD_freeDCtx(context);
}

/* The library is unloaded, or the program ends. A thread that still runs then makes a context of its own. */
__attribute__((destructor)) static void free_all(void)
{
	void *context;
	while ((context = take(compressors)))
		ZSTD_freeCCtx(context);
	while ((context = take(decompressors)))
		ZSTD_freeDCtx(context);
}
