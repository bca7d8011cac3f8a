/*
 * compression.h - compresses the value of a packed entry with LZ4 or zstd, and gives it back. Each of the two libraries is
 * optional when the project is built. Pure; any thread.
 */
#ifndef SEG_STREAM_COMPRESSION_H
#define SEG_STREAM_COMPRESSION_H

#include <stdbool.h>
#include <stddef.h>

#include <segmenter/segmenter.h>

/* The levels of zstd: the regular ones. A stream or an option that names none gets the default. */
enum { SEG_LEVEL_MIN = 1, SEG_LEVEL_MAX = 22, SEG_LEVEL_DEFAULT = 1 };

/* Whether this build has what the packing needs. */
bool seg_packing_supported(seg_packing packing);

/* The name of the library that the packing needs, and of Debian's package to build with it; NULL: it needs none. */
const char *seg_compression_library(seg_packing packing);
const char *seg_compression_package(seg_packing packing);

/* The room that so many bytes may need when they are compressed; 0: they are too many. */
size_t seg_compression_bound(seg_packing packing, size_t length);

/*
 * Compresses `length` bytes into `to`, which has seg_compression_bound bytes. `level` is for zstd. Returns how many bytes
 * they became; 0: out of memory.
 */
size_t seg_compress(seg_packing packing, int level, const char *from, size_t length, char *to);

/* Whether so many compressed bytes can become `length` bytes: a larger claim is wrong, and must not cost memory. */
bool seg_compression_can_expand(seg_packing packing, size_t compressed, size_t length);

/*
 * Decompresses into exactly `length` bytes. 0, SEG_EPROTOCOL if the value is malformed or becomes another number of bytes,
 * or SEG_ENOMEM.
 */
int seg_decompress(seg_packing packing, const char *from, size_t compressed, char *to, size_t length);

#endif
