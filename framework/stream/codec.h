/*
 * codec.h - encodes and decodes the field `data` of an entry.
 *
 * Raw: the data itself. Segmenter-go: the Go library's envelope, a protobuf message in its JSON form,
 *
 *     {"metadata":{"<header>":"<value>",...},"data":"<base64>","partitionKey":"<key>"}
 *
 * It is read as Go's protojson reads it: any member may be missing or null, base64 may be URL-safe and
 * unpadded; an unknown or repeated member is an error. Pure; any thread. jansson allocates temporary memory;
 * all results are in the caller's arena.
 */
#ifndef SEG_STREAM_CODEC_H
#define SEG_STREAM_CODEC_H

#include <segmenter/segmenter.h>

#include "base/arena.h"

/*
 * Encodes a record: with SEG_CODEC_RAW it stays the same, else it has no headers, and its data is the
 * envelope, in the arena. 0; SEG_EINVAL if the envelope cannot hold it, because key or headers are not UTF-8
 * or two headers have the same name; SEG_ENOMEM.
 */
int seg_codec_encode(seg_codec codec, const seg_record *record, seg_arena *arena, seg_record *encoded,
		     seg_error *error);

/*
 * Decodes a message in place: its data becomes the data that was sent, and the metadata follow the entry's
 * own headers. The key does not change. New memory is the arena's. 0; SEG_EPROTOCOL if the data are not an
 * envelope, and then the message is unchanged; SEG_ENOMEM.
 */
int seg_codec_decode(seg_codec codec, seg_message *message, seg_arena *arena, seg_error *error);

#endif
