/* Exports the symbol, which returns no handler. */
#include <segmenter/handler.h>

SEG_HANDLER_VISIBLE const seg_handler *seg_handler_entry(void);

SEG_HANDLER_VISIBLE const seg_handler *seg_handler_entry(void)
{
	return NULL;
}
