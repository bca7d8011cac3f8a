#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record.h"
#include "text.h"

enum { NAME_SIZE = 64 };

static void counts_name(const count_store *store, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%" PRIu32 ".counts", store->partition);
}

static void journal_name(const count_store *store, uint64_t epoch, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%" PRIu32 ".%" PRIu64 ".journal", store->partition, epoch);
}

static int fail(const count_store *store, const char *what, const char *name, char *error, size_t error_size)
{
	snprintf(error, error_size, "cannot %s %s/%s: %s", what, store->directory, name, strerror(errno));
	return -1;
}

static int fail_damaged(const count_store *store, char *error, size_t error_size)
{
	snprintf(error, error_size,
		 "%s/%" PRIu32
		 ".counts is damaged: restore it from a backup, or remove it to start counting at the "
		 "group's position",
		 store->directory, store->partition);
	return -1;
}

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

/* --- reading .counts ---------------------------------------------------------------- */

/* The first two lines of .counts. */
typedef struct counts_header {
	uint64_t epoch; /* 0: there is no file */
	seg_id last;
	uint64_t messages;
	uint64_t out_of_order;
	char owner[300]; /* stream, group and partition */
} counts_header;

static void describe_owner(const count_store *store, char owner[300])
{
	snprintf(owner, 300, "stream=%s group=%s partition=%" PRIu32, store->stream, store->group,
		 store->partition);
}

/* 0, or -1 if the file is not a .counts or cannot be read. */
static int read_header(FILE *in, counts_header *header)
{
	char line[400];
	if (!fgets(line, sizeof(line), in) || strncmp(line, "# wordcount ", 12) != 0)
		return -1;
	line[strcspn(line, "\n")] = '\0';
	snprintf(header->owner, sizeof(header->owner), "%.299s", line + 12);
	if (!fgets(line, sizeof(line), in) || sscanf(line,
						     "# epoch=%" SCNu64 " last=%" SCNu64 "-%" SCNu64
						     " messages=%" SCNu64 " out_of_order=%" SCNu64,
						     &header->epoch, &header->last.ms, &header->last.seq,
						     &header->messages, &header->out_of_order) != 5)
		return -1;
	return header->epoch ? 0 : -1;
}

/* Opens .counts and reads its header. *in is NULL if there is no file. */
static int open_counts(const count_store *store, FILE **in, counts_header *header, char *error,
		       size_t error_size)
{
	char name[NAME_SIZE], owner[300];
	counts_name(store, name);
	*header = (counts_header){0};
	*in = NULL;
	int fd = openat(store->directory_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	*in = fd < 0 ? NULL : fdopen(fd, "r");
	if (!*in)
		return fail(store, "read", name, error, error_size);
	if (read_header(*in, header) < 0)
		return fail_damaged(store, error, error_size);
	describe_owner(store, owner);
	if (strcmp(owner, header->owner) != 0) {
		snprintf(error, error_size,
			 "%s/%s has the counts of %s, not of %s; give each group its own option.directory",
			 store->directory, name, header->owner, owner);
		return -1;
	}
	if (header->epoch > store->epoch) {
		snprintf(error, error_size,
			 "another runner has taken over this partition: %s/%s has epoch %" PRIu64
			 "; this runner has epoch %" PRIu64,
			 store->directory, name, header->epoch, store->epoch);
		return -1;
	}
	return 0;
}

/* Restores the word of a line "COUNT\tNUMBER\tWORD". */
static bool read_word(char *line, size_t length, word_counts *counts)
{
	uint64_t count, number;
	int used = -1;
	if (sscanf(line, "%" SCNu64 "%*1[\t]%" SCNu64 "%n", &count, &number, &used) != 2 ||
	    line[used] != '\t' || count == 0)
		return false;
	char *text = line + used + 1;
	length -= (size_t)used + 1;
	word *restored = text_read_word(text, &length) ? counts_word(counts, text, length) : NULL;
	if (!restored)
		return false;
	restored->count = count;
	restored->number = number;
	return true;
}

/* Reads the words up to the end mark, and checks their number against it. */
static bool read_words(FILE *in, word_counts *counts)
{
	char *line = NULL;
	size_t size = 0, words = 0, expected = 0;
	ssize_t length;
	bool good = true, ended = false;
	while (good && !ended && (length = getline(&line, &size, in)) > 0 && line[length - 1] == '\n') {
		line[--length] = '\0';
		if (line[0] == '#')
			ended = sscanf(line, "# end words=%zu", &expected) == 1;
		else
			good = read_word(line, (size_t)length, counts);
		words += !ended;
	}
	free(line);
	return good && ended && words == expected;
}

/* Loads .counts. header->epoch is 0 if there is no file. */
static int load_counts(const count_store *store, word_counts *counts, counts_header *header, char *error,
		       size_t error_size)
{
	FILE *in;
	int result = open_counts(store, &in, header, error, error_size);
	if (result == 0 && in) {
		counts->last = header->last;
		counts->messages = header->messages;
		counts->out_of_order = header->out_of_order;
		if (!read_words(in, counts))
			result = fail_damaged(store, error, error_size);
	}
	if (in)
		fclose(in);
	return result;
}

/* --- the journal ---------------------------------------------------------------------- */

static int load_journal(const count_store *store, uint64_t epoch, word_counts *counts, char *error,
			size_t error_size)
{
	char name[NAME_SIZE];
	journal_name(store, epoch, name);
	int fd = openat(store->directory_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
	if (!in)
		return fail(store, "read", name, error, error_size);
	bool good = record_replay(in, counts);
	fclose(in);
	if (good)
		return 0;
	snprintf(error, error_size,
		 "cannot read %s/%s: out of memory, or another version of this plugin wrote it",
		 store->directory, name);
	return -1;
}

static int open_journal(count_store *store, char *error, size_t error_size)
{
	char name[NAME_SIZE];
	journal_name(store, store->epoch, name);
	store->journal_fd =
		openat(store->directory_fd, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	return store->journal_fd < 0 ? fail(store, "open", name, error, error_size) : 0;
}

int store_append(count_store *store, const buffer *record, char *error, size_t error_size)
{
	char name[NAME_SIZE];
	journal_name(store, store->epoch, name);
	struct stat status;
	/* First removes what a failed append has left: records after an incomplete one would not count. */
	if (fstat(store->journal_fd, &status) ||
	    (status.st_size != store->journal_end && ftruncate(store->journal_fd, store->journal_end)))
		return fail(store, "repair", name, error, error_size);
	if (write_all(store->journal_fd, record->bytes, record->length) ||
	    (store->sync && fdatasync(store->journal_fd)))
		return fail(store, "write to", name, error, error_size);
	store->journal_end += (off_t)record->length;
	return 0;
}

/* Removes the journals of former owners, which are void: .counts has our epoch now. */
static void remove_old_journals(const count_store *store)
{
	int fd = openat(store->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory)
		return;
	struct dirent *entry;
	while ((entry = readdir(directory))) {
		uint32_t partition;
		uint64_t epoch;
		int used = 0;
		if (sscanf(entry->d_name, "%" SCNu32 ".%" SCNu64 ".journal%n", &partition, &epoch, &used) ==
			    2 &&
		    used && !entry->d_name[used] && partition == store->partition && epoch < store->epoch)
			unlinkat(store->directory_fd, entry->d_name, 0);
	}
	closedir(directory);
}

/* --- replacing .counts ------------------------------------------------------------------ */

static void add_counts(const count_store *store, const word_counts *counts, buffer *b)
{
	char owner[300];
	describe_owner(store, owner);
	buffer_format(b, "# wordcount %s\n", owner);
	buffer_format(b,
		      "# epoch=%" PRIu64 " last=%" PRIu64 "-%" PRIu64 " messages=%" PRIu64
		      " out_of_order=%" PRIu64 "\n",
		      store->epoch, counts->last.ms, counts->last.seq, counts->messages,
		      counts->out_of_order);
	size_t words = 0;
	for (size_t i = 0; i < counts->size; i++) {
		const word *w = &counts->slots[i];
		if (w->count == 0)
			continue;
		buffer_format(b, "%" PRIu64 "\t%" PRIu64 "\t", w->count, w->number);
		text_add_word(b, w->text, w->length);
		buffer_text(b, "\n");
		words++;
	}
	buffer_format(b, "# end words=%zu\n", words);
}

static int write_new(const count_store *store, const char *name, const buffer *b, char *error,
		     size_t error_size)
{
	int fd = openat(store->directory_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return fail(store, "create", name, error, error_size);
	int result = 0;
	if (write_all(fd, b->bytes, b->length) || (store->sync && fsync(fd)))
		result = fail(store, "write to", name, error, error_size);
	close(fd);
	return result;
}

/* Under the lock, after the epoch of the old file was checked. */
static int replace_locked(count_store *store, const word_counts *counts, char *error, size_t error_size)
{
	char name[NAME_SIZE], temporary[NAME_SIZE + 4];
	counts_name(store, name);
	snprintf(temporary, sizeof(temporary), "%s.tmp", name);
	buffer b = {0};
	add_counts(store, counts, &b);
	int result = -1;
	if (b.failed)
		snprintf(error, error_size, "out of memory");
	else
		result = write_new(store, temporary, &b, error, error_size);
	buffer_fini(&b);
	if (result != 0)
		return result;
	if (renameat(store->directory_fd, temporary, store->directory_fd, name) ||
	    (store->sync && fsync(store->directory_fd)))
		return fail(store, "replace", name, error, error_size);
	if (ftruncate(store->journal_fd, 0))
		return fail(store, "empty the journal of", name, error, error_size);
	store->journal_end = 0;
	return 0;
}

/* --- the lock ------------------------------------------------------------------------------ */

/* Does not wait: a suspended process may hold the lock. */
static int lock(const count_store *store, char *error, size_t error_size)
{
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	snprintf(error, error_size,
		 "another process is writing %s/%" PRIu32 ".counts; if that process hangs, end it",
		 store->directory, store->partition);
	return -1;
}

static void unlock(const count_store *store)
{
	flock(store->lock_fd, LOCK_UN);
}

static int take_over(count_store *store, word_counts *counts, char *error, size_t error_size)
{
	counts_header header;
	if (load_counts(store, counts, &header, error, error_size) != 0)
		return -1;
	if (header.epoch && load_journal(store, header.epoch, counts, error, error_size) != 0)
		return -1;
	if (open_journal(store, error, error_size) != 0 ||
	    replace_locked(store, counts, error, error_size) != 0)
		return -1;
	remove_old_journals(store);
	return 0;
}

int store_open(count_store *store, word_counts *counts, char *error, size_t error_size)
{
	char name[NAME_SIZE];
	snprintf(name, sizeof(name), "%" PRIu32 ".lock", store->partition);
	store->lock_fd = store->journal_fd = -1;
	store->directory_fd = open(store->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->directory_fd < 0)
		return fail(store, "open", "", error, error_size);
	store->lock_fd = openat(store->directory_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (store->lock_fd < 0)
		return fail(store, "open", name, error, error_size);
	if (lock(store, error, error_size) != 0)
		return -1;
	int result = take_over(store, counts, error, error_size);
	unlock(store);
	return result;
}

int store_replace(count_store *store, const word_counts *counts, char *error, size_t error_size)
{
	if (lock(store, error, error_size) != 0)
		return -1;
	counts_header header;
	FILE *in;
	int result = open_counts(store, &in, &header, error, error_size);
	if (in)
		fclose(in);
	if (result == 0)
		result = replace_locked(store, counts, error, error_size);
	unlock(store);
	return result;
}

void store_close(count_store *store, bool settled)
{
	char name[NAME_SIZE];
	journal_name(store, store->epoch, name);
	if (settled)
		unlinkat(store->directory_fd, name, 0);
	const int fds[] = {store->journal_fd, store->lock_fd, store->directory_fd};
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}
