#include "stream/compression.h"

#include <limits.h>
#include <stdint.h>

#ifdef SEG_HAVE_LZ4
#include <lz4.h>
#endif
#ifdef SEG_HAVE_ZSTD
#include "stream/zstd_contexts.h"
#endif

/* --- LZ4 -------------------------------------------------------------------------------- */

#ifdef SEG_HAVE_LZ4

static size_t lz4_bound(size_t length)
{
	return length > LZ4_MAX_INPUT_SIZE ? 0 : (size_t)LZ4_compressBound((int)length);
}

static size_t lz4_compress(int level, const char *from, size_t length, char *to)
{
	(void)level;
	int size = LZ4_compress_default(from, to, (int)length, LZ4_compressBound((int)length));
	return size > 0 ? (size_t)size : 0;
}

static int lz4_decompress(const char *from, size_t compressed, char *to, size_t length)
{
	if (compressed > INT_MAX || length > INT_MAX)
		return SEG_EPROTOCOL;
	int size = LZ4_decompress_safe(from, to, (int)compressed, (int)length);
	return size < 0 || (size_t)size != length ? SEG_EPROTOCOL : 0;
}

#endif

/* --- zstd ------------------------------------------------------------------------------- */

#ifdef SEG_HAVE_ZSTD

static size_t zstd_bound(size_t length)
{
	return ZSTD_compressBound(length);
}

/*
 * Level 1 remembers 4,096 places instead of 16,384: 16 KiB, which stay in the processor's first cache. Records of a stream
 * resemble their neighbours, so they become no larger, and a quarter faster.
 */
enum { FASTEST = 1, FASTEST_HASH_LOG = 12 };

static bool set_level(ZSTD_CCtx *context, int level)
{
	return !ZSTD_isError(ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters)) &&
	       !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)) &&
	       (level != FASTEST ||
		!ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, FASTEST_HASH_LOG)));
}

static size_t zstd_compress(int level, const char *from, size_t length, char *to)
{
	ZSTD_CCtx *context = seg_zstd_compressor_take();
	if (!context)
		return 0;
	size_t size = 0;
	if (set_level(context, level ? level : SEG_LEVEL_DEFAULT))
		size = ZSTD_compress2(context, to, ZSTD_compressBound(length), from, length);
	seg_zstd_compressor_give(context);
	return ZSTD_isError(size) ? 0 : size;
}

/*
 * One frame of the present format that says its length, and nothing beside: so the library never reads the formats of its
 * early versions, which Debian's still knows, and writes no more than it was given room for.
 */
static bool is_one_frame(const char *from, size_t compressed, size_t length)
{
	static const unsigned char magic[] = {0x28, 0xb5, 0x2f, 0xfd};
	if (compressed < sizeof(magic))
		return false;
	for (size_t i = 0; i < sizeof(magic); i++)
		if ((unsigned char)from[i] != magic[i])
			return false;
	return ZSTD_getFrameContentSize(from, compressed) == length &&
	       ZSTD_findFrameCompressedSize(from, compressed) == compressed;
}

static int zstd_decompress(const char *from, size_t compressed, char *to, size_t length)
{
	if (!is_one_frame(from, compressed, length))
		return SEG_EPROTOCOL;
	ZSTD_DCtx *context = seg_zstd_decompressor_take();
	if (!context)
		return SEG_ENOMEM;
	size_t size = ZSTD_decompressDCtx(context, to, length, from, compressed);
	seg_zstd_decompressor_give(context);
	return ZSTD_isError(size) || size != length ? SEG_EPROTOCOL : 0;
}

#endif

/* --- the table -------------------------------------------------------------------------- */

/*
 * What a compressed byte can become. LZ4: a byte that lengthens a match adds 255 (its block format). zstd: a block of 3 + 1
 * bytes repeats one byte up to 128 KiB times.
 */
enum { LZ4_EXPANSION = 255, ZSTD_EXPANSION = 128 * 1024 / 4 };

typedef struct method {
	const char *library, *package;
	size_t expansion;
	size_t (*bound)(size_t length);
	size_t (*compress)(int level, const char *from, size_t length, char *to);
	int (*decompress)(const char *from, size_t compressed, char *to, size_t length);
} method;

static const method methods[] = {
	[SEG_PACKING_LZ4] = {.library = "LZ4",
			     .package = "liblz4",
			     .expansion = LZ4_EXPANSION,
#ifdef SEG_HAVE_LZ4
			     .bound = lz4_bound,
			     .compress = lz4_compress,
			     .decompress = lz4_decompress
#endif
	},
	[SEG_PACKING_ZSTD] = {.library = "zstd",
			      .package = "libzstd",
			      .expansion = ZSTD_EXPANSION,
#ifdef SEG_HAVE_ZSTD
			      .bound = zstd_bound,
			      .compress = zstd_compress,
			      .decompress = zstd_decompress
#endif
	},
};

static const method *method_of(seg_packing packing)
{
	return (size_t)packing < sizeof(methods) / sizeof(methods[0]) ? &methods[packing] : NULL;
}

bool seg_packing_supported(seg_packing packing)
{
	const method *m = method_of(packing);
	return m && (!m->library || m->compress);
}

const char *seg_compression_library(seg_packing packing)
{
	const method *m = method_of(packing);
	return m ? m->library : NULL;
}

const char *seg_compression_package(seg_packing packing)
{
	const method *m = method_of(packing);
	return m ? m->package : NULL;
}

size_t seg_compression_bound(seg_packing packing, size_t length)
{
	const method *m = method_of(packing);
	return m && m->bound ? m->bound(length) : 0;
}

size_t seg_compress(seg_packing packing, int level, const char *from, size_t length, char *to)
{
	const method *m = method_of(packing);
	return m && m->compress ? m->compress(level, from, length, to) : 0;
}

bool seg_compression_can_expand(seg_packing packing, size_t compressed, size_t length)
{
	const method *m = method_of(packing);
	return m && m->expansion && length / m->expansion <= compressed;
}

int seg_decompress(seg_packing packing, const char *from, size_t compressed, char *to, size_t length)
{
	const method *m = method_of(packing);
	return m && m->decompress ? m->decompress(from, compressed, to, length) : SEG_EPROTOCOL;
}
