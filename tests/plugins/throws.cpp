// throws - throws a C++ exception out of handle, which is forbidden, when it gets the message "throw".
#include <stdexcept>
#include <string>

#include <segmenter/handler.h>

static seg_answer handle(void *, void *, const seg_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		const seg_message &message = batch->messages[i];
		if (std::string(static_cast<const char *>(message.data), message.data_length) == "throw")
			throw std::runtime_error("nobody catches this");
	}
	return seg_done();
}

static const seg_handler handler = [] {
	seg_handler h = {};
	h.abi = SEG_HANDLER_ABI;
	h.size = sizeof(seg_handler);
	h.name = "throws";
	h.handle = handle;
	return h;
}();

SEG_HANDLER_EXPORT(handler);
