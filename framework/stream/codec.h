/*
 * codec.h - what the field `data` of an entry holds.
 *
 * Raw: the data itself. Segmenter-go: the envelope of the Go library, a protobuf message in its JSON form,
 *
 *     {"metadata":{"<header>":"<value>",...},"data":"<base64>","partitionKey":"<key>"}
 *
 * read as Go's protojson reads it: any member may be missing or null, base64 may be URL-safe and unpadded,
 * what is unknown or there twice is an error. Pure; any thread. jansson allocates while it works; what is
 * handed out lies in the caller's arena.
 */
#ifndef SEG_STREAM_CODEC_H
#define SEG_STREAM_CODEC_H

#include <segmenter/segmenter.h>

#include "base/arena.h"

/*
 * Makes of a record the record that is sent: with SEG_CODEC_RAW the same, else one without headers, whose
 * data is the envelope, in the arena. 0; SEG_EINVAL if key or headers are not UTF-8 or a header is there
 * twice, which the envelope cannot hold; SEG_ENOMEM.
 */
int seg_codec_encode(seg_codec codec, const seg_record *record, seg_arena *arena, seg_record *encoded,
		     seg_error *error);

/*
 * Reads message->data in place: it then holds what was sent, and the metadata stand behind the
 * headers the entry had. Its key stays the entry's. New memory is the arena's. 0; SEG_EPROTOCOL if the data
 * are no envelope, with the message as it was; SEG_ENOMEM.
 */
int seg_codec_decode(seg_codec codec, seg_message *message, seg_arena *arena, seg_error *error);

#endif
