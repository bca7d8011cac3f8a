/*
 * zstd_contexts.h - contexts of libzstd, which are expensive to make: a thread that compresses or decompresses an entry takes one and
 * gives it back. A few are kept, so that in the steady state an entry allocates none. Any thread; takes no lock.
 */
#ifndef SEG_STREAM_ZSTD_CONTEXTS_H
#define SEG_STREAM_ZSTD_CONTEXTS_H

#include <zstd.h>

/* A context that nobody else uses until it is given back; NULL: out of memory. */
ZSTD_CCtx *seg_zstd_compressor_take(void);
void seg_zstd_compressor_give(ZSTD_CCtx *context);

ZSTD_DCtx *seg_zstd_decompressor_take(void);
void seg_zstd_decompressor_give(ZSTD_DCtx *context);

#endif
