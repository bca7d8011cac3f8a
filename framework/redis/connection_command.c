#include <stdarg.h>

#include "redis/connection.h"
#include "redis/pipeline.h"
#include "redis/words.h"

bool seg_connection_command(seg_connection *c, seg_reply_fn fn, void *arg, int argc, const char *const *argv,
			    const size_t *lengths)
{
	return seg_connection_entries(c, NULL, fn, arg, argc, argv, lengths);
}

bool seg_connection_words(seg_connection *c, seg_reply_fn fn, void *arg, ...)
{
	seg_words words;
	va_list args;
	va_start(args, arg);
	seg_words_take(&words, args);
	va_end(args);
	return seg_connection_command(c, fn, arg, words.count, words.at, NULL);
}

bool seg_connection_entries(seg_connection *c, seg_entry_sink *sink, seg_reply_fn fn, void *arg, int argc,
			    const char *const *argv, const size_t *lengths)
{
	seg_pipeline *pipeline = seg_connection_pipeline(c);
	return pipeline && seg_pipeline_command(pipeline, sink, fn, arg, argc, argv, lengths);
}

bool seg_connection_script(seg_connection *c, seg_script script, seg_reply_fn fn, void *arg, int keys,
			   int argc, const char *const *argv, const size_t *lengths)
{
	seg_pipeline *pipeline = seg_connection_pipeline(c);
	if (!pipeline)
		return false;
	bool by_text = seg_connection_takes_text(c, script);
	return seg_pipeline_script(pipeline, script, by_text, fn, arg, keys, argc, argv, lengths);
}

bool seg_connection_again(seg_connection *c, const seg_waiting_command *command, const char *bytes,
			  bool asking)
{
	seg_pipeline *pipeline = seg_connection_pipeline(c);
	return pipeline && seg_pipeline_again(pipeline, command, bytes, asking);
}
