/* Exports the symbol, but the function returns NULL. */
#include <segmenter/handler.h>

SEG_HANDLER_VISIBLE const seg_handler *seg_handler_entry(void);

SEG_HANDLER_VISIBLE const seg_handler *seg_handler_entry(void)
{
	return NULL;
}
