// latest - a plugin to start from, in C++17: keeps the newest data of each key, and writes them to one file per
// partition on each tick.
//
// init and partition_open store pointers to objects, whose destructors clean up. No exception may leave the plugin: each
// function that segrunner calls catches all exceptions, and turns them into an error text or an answer.
//
// If the process crashes, data that is only in memory is lost, although its messages may be committed already. A plugin
// whose state must survive keeps it with seg_state_put, as plugins/wordcount does.
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>

#include <segmenter/handler.h>

namespace
{

class Latest
{
      public:
	explicit Latest(const seg_host *host)
	    : host_(host), directory_(host->option(host, "directory")),
	      written_(host->counter(host, "files_written_total", "Files written."))
	{
	}

	std::string path(uint32_t partition) const
	{
		return directory_ + "/" + std::to_string(partition) + ".latest";
	}

	void wrote_file() const
	{
		seg_counter_add(written_, 1);
	}

	void warn(const char *what) const
	{
		host_->log(host_, SEG_WARNING, "%s", what);
	}

      private:
	const seg_host *host_;
	std::string directory_;
	seg_counter *written_;
};

class Partition
{
      public:
	Partition(const Latest &latest, uint32_t number) : latest_(latest), path_(latest.path(number))
	{
	}

	void take(const seg_message &message)
	{
		std::string key(static_cast<const char *>(message.key), message.key_length);
		values_[std::move(key)].assign(static_cast<const char *>(message.data), message.data_length);
		changed_ = true;
	}

	void write()
	{
		if (!changed_)
			return;
		const std::string temporary = path_ + ".tmp";
		std::ofstream out(temporary, std::ios::trunc);
		for (const auto &[key, value] : values_)
			out << key << '\t' << value << '\n';
		out.close();
		if (!out || std::rename(temporary.c_str(), path_.c_str()) != 0)
			throw std::runtime_error("cannot write " + path_);
		latest_.wrote_file();
		changed_ = false;
	}

	// Of the newest failure. Kept here, because an answer's reason must stay valid after the call.
	std::string reason;

      private:
	const Latest &latest_;
	std::string path_;
	std::unordered_map<std::string, std::string> values_;
	bool changed_ = false;
};

int init(const seg_host *host, void **plugin, char *error, size_t error_size) noexcept
try {
	*plugin = std::make_unique<Latest>(host).release();
	return 0;
} catch (const std::exception &e) {
	std::snprintf(error, error_size, "%s", e.what());
	return -1;
}

int partition_open(void *plugin, uint32_t number, uint64_t, void **state, char *error,
		   size_t error_size) noexcept
try {
	*state = std::make_unique<Partition>(*static_cast<Latest *>(plugin), number).release();
	return 0;
} catch (const std::exception &e) {
	std::snprintf(error, error_size, "%s", e.what());
	return -1;
}

seg_answer handle(void *, void *state, const seg_batch *batch) noexcept
{
	auto &partition = *static_cast<Partition *>(state);
	size_t i = 0;
	try {
		for (; i < batch->count; i++)
			partition.take(batch->messages[i]);
		return seg_done();
	} catch (const std::exception &e) {
		try {
			partition.reason = e.what();
			return seg_retry(i, partition.reason.c_str());
		} catch (...) {
			return seg_retry(i, "out of memory");
		}
	}
}

void tick(void *plugin, void *state) noexcept
try {
	static_cast<Partition *>(state)->write();
} catch (const std::exception &e) {
	static_cast<Latest *>(plugin)->warn(e.what());
}

void partition_close(void *plugin, void *state, seg_close_reason reason) noexcept
{
	std::unique_ptr<Partition> partition(static_cast<Partition *>(state));
	if (reason == SEG_CLOSE_RELEASED)
		tick(plugin, state);
}

void fini(void *plugin) noexcept
{
	delete static_cast<Latest *>(plugin);
}

const seg_option options[] = {
	{"directory", SEG_OPTION_PATH, 1, nullptr, "Directory of the files; must exist."},
	{nullptr, 0, 0, nullptr, nullptr},
};

const seg_handler handler = {
	SEG_HANDLER_ABI,
	sizeof(seg_handler),
	"latest",
	"1.0.0",
	"Keeps the newest data of each key in a file.",
	options,
	init,
	partition_open,
	handle,
	tick,
	partition_close,
	fini,
	nullptr, // check
};

} // namespace

SEG_HANDLER_EXPORT(handler);
