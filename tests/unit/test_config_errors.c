/*
 * test_config_errors.c - every mistake that a config can contain, with the exact line that reports it: the
 * place, the mistake, and how to mend it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A valid consumer, in four lines. */
#define CONSUMER "[consumer c]\nstream=s\ngroup=g\nplugin=p\n"

struct mistake {
	const char *name;
	const char *text;
	const char *errors; /* lines */
};

static const struct mistake mistakes[] = {
	{"a line that is nothing", "[redis]\nwhat is this\n" CONSUMER,
	 "c.ini:2: \"what\" is neither a [section] nor name = value; write one of them, or # before a "
	 "comment"},
	{"a continued value", "[redis]\naddress = redis://h\n  and more\n" CONSUMER,
	 "c.ini:3: \"and\" is neither a [section] nor name = value; a value cannot continue on a second "
	 "line"},
	{"a control character", "[redis]\nuser = a\010b\n" CONSUMER,
	 "c.ini:2: control character 0x08 at column 9; remove it"},
	{"an escape sequence", "[redis]\nuser = \033[2Jb\n" CONSUMER,
	 "c.ini:2: control character 0x1b at column 8; remove it"},
	{"a carriage return inside", "[redis]\ruser = b\n" CONSUMER,
	 "c.ini:1: the line contains a carriage return; end lines with LF or CR LF"},
	{"a section without its bracket", "[redis\n" CONSUMER,
	 "c.ini:1: the ] of the section is missing; write [redis]"},
	{"options below a broken section", "[redis\nrubbish = h\n" CONSUMER,
	 "c.ini:1: the ] of the section is missing; write [redis]"},
	{"text behind a section", "[redis] address = redis://h\n" CONSUMER,
	 "c.ini:1: there is text after the ] of the section; move it to a line of its own"},
	{"a comment glued to a section", "[redis]# here\n" CONSUMER,
	 "c.ini:1: there is text after the ] of the section; move it to a line of its own"},
	{"no name", "[redis]\n= 5\n" CONSUMER,
	 "c.ini:2: the name before the = is missing; write name = value"},
	{"two words for a name", "[redis]\naddress redis://h\n" CONSUMER,
	 "c.ini:2: the = must follow the name \"address\"; write name = value"},
	{"a name too long for any",
	 "[redis]\naaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee = 1\n" CONSUMER,
	 "c.ini:2: the name \"aaaaaaaaaabbbbbbbbbb...\" is longer than 49 characters; no option has such a "
	 "long name"},
	{"a section unknown", "[database]\nhost = h\n" CONSUMER,
	 "c.ini:1: unknown section [database]; write [redis], [runner] or [consumer NAME]"},
	{"a section misspelled", "[reddis]\naddress = redis://h\n" CONSUMER,
	 "c.ini:1: unknown section [reddis]; did you mean [redis]?"},
	{"embedded misspelled", "[redis]\naddress = embeded\n" CONSUMER,
	 "c.ini:2: address: \"embeded\" is not an address; did you mean \"embedded\"?"},
	{"a consumer misspelled", "[consumr a]\n" CONSUMER,
	 "c.ini:1: unknown section [consumr a]; did you mean [consumer NAME]?"},
	{"consumers in the plural", "[consumers]\nx = 1\n" CONSUMER,
	 "c.ini:1: unknown section [consumers]; did you mean [consumer NAME]?"},
	{"a section in capitals", "[Redis]\n" CONSUMER,
	 "c.ini:1: unknown section [Redis]; did you mean [redis]?"},
	{"an empty section name", "[]\n" CONSUMER,
	 "c.ini:1: unknown section []; write [redis], [runner] or [consumer NAME]"},
	{"a name behind redis", "[redis main]\naddress = x\n" CONSUMER,
	 "c.ini:1: unknown section [redis main]; did you mean [redis]?"},
	{"a consumer without a name", "[consumer]\nstream = s\n" CONSUMER,
	 "c.ini:1: [consumer] has no name; write [consumer NAME]"},
	{"a consumer with a bad name", "[consumer a b]\n" CONSUMER,
	 "c.ini:1: the consumer name \"a b\" contains ' '; only A-Z a-z 0-9 . _ - are allowed"},
	{"a consumer with a slash in its name", "[consumer a/b]\n" CONSUMER,
	 "c.ini:1: the consumer name \"a/b\" contains '/'; only A-Z a-z 0-9 . _ - are allowed"},
	{"a consumer twice", CONSUMER CONSUMER,
	 "c.ini:5: [consumer c] already exists at c.ini:1; rename one, or join them"},
	{"no consumer", "[redis]\naddress = redis://h\n",
	 "c.ini: there is no [consumer NAME] section; add one with stream, group and plugin"},
	{"an empty file", "",
	 "c.ini: there is no [consumer NAME] section; add one with stream, group and plugin"},
	{"an unknown option", "[redis]\ncolour = red\n" CONSUMER,
	 "c.ini:2: [redis] has no option \"colour\"; see segrunner --help"},
	{"an option misspelled", "[redis]\nadress = redis://h\n" CONSUMER,
	 "c.ini:2: [redis] has no option \"adress\"; did you mean \"address\"?"},
	{"an option with a hyphen", CONSUMER "batch-size = 5\n",
	 "c.ini:5: [consumer c] has no option \"batch-size\"; did you mean \"batch_size\"?"},
	{"an option in capitals", "[runner]\nNAME = a\n" CONSUMER,
	 "c.ini:2: [runner] has no option \"NAME\"; did you mean \"name\"?"},
	{"an option in another section", "[redis]\nlog_level = info\n" CONSUMER,
	 "c.ini:2: [redis] has no option \"log_level\"; it belongs in [runner]"},
	{"a consumer's option in redis", "[redis]\nstream = s\n" CONSUMER,
	 "c.ini:2: [redis] has no option \"stream\"; it belongs in [consumer NAME]"},
	{"a plugin's option without its prefix", CONSUMER "url = http://h\n",
	 "c.ini:5: [consumer c] has no option \"url\"; write option.url for an option of the plugin, or see segrunner --help"},
	{"an option above the first section", "address = redis://h\n" CONSUMER,
	 "c.ini:1: \"address\" is above the first section; move it below [redis]"},
	{"an unknown one above the first section", "verbose = 1\n" CONSUMER,
	 "c.ini:1: \"verbose\" is above the first section; only include is allowed there"},
	{"an option twice", "[redis]\ntimeout = 1s\ntimeout = 2s\n" CONSUMER,
	 "c.ini:3: timeout is already set at c.ini:2; remove one"},
	{"an option twice in split sections",
	 "[redis]\ntimeout = 1s\n[runner]\n[redis]\ntimeout = 2s\n" CONSUMER,
	 "c.ini:5: timeout is already set at c.ini:2; remove one"},
	{"a plugin's option twice", CONSUMER "option.a = 1\noption.a = 2\n",
	 "c.ini:6: option.a is already set at c.ini:5; remove one"},
	{"a plugin's option with a bad name", CONSUMER "option.A-b = 1\n",
	 "c.ini:5: option.A-b: the name of a plugin's option consists of a-z 0-9 _; write option.NAME = "
	 "value"},
	{"a plugin's option without a name", CONSUMER "option. = 1\n",
	 "c.ini:5: option.: the name of a plugin's option consists of a-z 0-9 _; write option.NAME = value"},
	{"a plugin's option in redis", "[redis]\noption.a = 1\n" CONSUMER,
	 "c.ini:2: [redis] has no option \"option.a\"; see segrunner --help"},
	{"no value", "[redis]\naddress =\n" CONSUMER,
	 "c.ini:2: address: the value is missing (a # or ; after a blank begins a comment); write one, or "
	 "remove the line"},
	{"a value that is a comment", "[redis]\npassword = #secret\n" CONSUMER,
	 "c.ini:2: password: the value is missing (a # or ; after a blank begins a comment); write one, or "
	 "remove the line"},
	{"a duration without a unit", "[redis]\ntimeout = 10\n" CONSUMER,
	 "c.ini:2: timeout: \"10\" has no unit; write one of ns us ms s min h d after it"},
	{"a duration in a unit misspelled", "[redis]\ntimeout = 10sec\n" CONSUMER,
	 "c.ini:2: timeout: \"10sec\" has the unknown unit \"sec\"; did you mean \"s\"?"},
	{"a duration too short", "[redis]\nconnect_timeout = 1us\n" CONSUMER,
	 "c.ini:2: connect_timeout: \"1us\" is too small; write 1ms to 10min"},
	{"a duration too long", "[redis]\nconnect_timeout = 1h\n" CONSUMER,
	 "c.ini:2: connect_timeout: \"1h\" is too big; write 1ms to 10min"},
	{"a duration beyond all", "[redis]\ntimeout = 999999999999d\n" CONSUMER,
	 "c.ini:2: timeout: \"999999999999d\" is too large for a duration; write a smaller "
	 "one"},
	{"a negative duration", "[runner]\nshutdown_timeout = -1s\n" CONSUMER,
	 "c.ini:2: shutdown_timeout: \"-1s\" is negative; a duration is 0 or more"},
	{"a handler timeout too short", "[runner]\nhandler_timeout = 99ms\n" CONSUMER,
	 "c.ini:2: handler_timeout: 99ms is too small; write 0 for never, or at least 100ms"},
	{"a session too short", CONSUMER "session_timeout = 100ms\n",
	 "c.ini:5: session_timeout: \"100ms\" is too small; write 500ms to 1h"},
	{"a size without a unit", CONSUMER "in_flight_bytes = 4096\n",
	 "c.ini:5: in_flight_bytes: \"4096\" has no unit; write one of B KiB MiB GiB TiB KB MB GB "
	 "TB after it"},
	{"a size in small letters", CONSUMER "in_flight_bytes = 4mb\n",
	 "c.ini:5: in_flight_bytes: \"4mb\" has the unknown unit \"mb\"; did you mean \"MB\"?"},
	{"a size too small", CONSUMER "in_flight_bytes = 1KiB\n",
	 "c.ini:5: in_flight_bytes: \"1KiB\" is too small; write 4KiB to 4GiB"},
	{"a size too big", CONSUMER "in_flight_bytes = 1TiB\n",
	 "c.ini:5: in_flight_bytes: \"1TiB\" is too big; write 4KiB to 4GiB"},
	{"a number that is a word", CONSUMER "batch_size = many\n",
	 "c.ini:5: batch_size: \"many\" is not a whole number; write digits only, such as 1000 or "
	 "1_000"},
	{"a number too small", CONSUMER "batch_size = 0\n",
	 "c.ini:5: batch_size: \"0\" is too small; write 1 to 65536"},
	{"a number too big", CONSUMER "batch_size = 65_537\n",
	 "c.ini:5: batch_size: \"65_537\" is too big; write 1 to 65536"},
	{"a number with a fraction", CONSUMER "capacity = 1.5\n",
	 "c.ini:5: capacity: \"1.5\" is not a whole number; write digits only, such as 1000 or 1_000"},
	{"a negative number", CONSUMER "max_attempts = -1\n",
	 "c.ini:5: max_attempts: \"-1\" is too small; write 0 to 1000000"},
	{"too few batches in flight", CONSUMER "in_flight_batches = 1\n",
	 "c.ini:5: in_flight_batches: \"1\" is too small; write 2 to 64, or 0 for the default"},
	{"partitions beyond what there can be", CONSUMER "partitions = 65537\n",
	 "c.ini:5: partitions: \"65537\" is too big; write 1 to 65536"},
	{"a boolean that is neither", "[redis]\nallow_eviction = perhaps\n" CONSUMER,
	 "c.ini:2: allow_eviction: \"perhaps\" is not a boolean; write yes or no"},
	{"a choice misspelled", "[runner]\nidle = prak\n" CONSUMER,
	 "c.ini:2: idle: unknown value \"prak\"; did you mean \"park\"?"},
	{"a choice unknown", "[runner]\nidle = sleep\n" CONSUMER,
	 "c.ini:2: idle: unknown value \"sleep\"; write park, yield or spin"},
	{"a log level unknown", "[runner]\nlog_level = trace\n" CONSUMER,
	 "c.ini:2: log_level: unknown value \"trace\"; write debug, info, warning or error"},
	{"a codec unknown", CONSUMER "codec = avro\n",
	 "c.ini:5: codec: unknown value \"avro\"; write raw or segmenter-go"},
	{"an overflow in another spelling", CONSUMER "partitions = 4\noverflow = drop_oldest\n",
	 "c.ini:6: overflow: unknown value \"drop_oldest\"; did you mean \"drop-oldest\"?"},
	{"a name with a blank", "[runner]\nname = my host\n" CONSUMER,
	 "c.ini:2: name: the name \"my host\" contains ' '; only A-Z a-z 0-9 . _ - are allowed"},
	{"a name with a colon", "[runner]\nnamespace = a:b\n" CONSUMER,
	 "c.ini:2: namespace: the name \"a:b\" contains ':'; only A-Z a-z 0-9 . _ - are allowed"},
	{"a stream name with a slash", "[consumer c]\nstream=a/b\ngroup=g\nplugin=p\n",
	 "c.ini:2: stream: the name \"a/b\" contains '/'; only A-Z a-z 0-9 . _ - are allowed"},
	{"an address of another kind", "[redis]\naddress = http://h\n" CONSUMER,
	 "c.ini:2: address: the Redis address must begin with redis://, rediss://, redis+sentinel://, "
	 "rediss+sentinel:// or unix://"},
	{"an address with a bad port", "[redis]\naddress = redis://h:99999\n" CONSUMER,
	 "c.ini:2: address: the port in the Redis address must be 1 to 65535, and an @ must follow a password; write "
	 "redis://host:6379 or redis://user:password@host"},
	{"an address with a bad password", "[redis]\naddress = redis://u:pa/ss@h\n" CONSUMER,
	 "c.ini:2: address: not an address with user and password; write "
	 "redis://user:password@host:6379, where special characters are %-encoded (/ is %2F, @ is "
	 "%40); or leave them out, and set user and password_file"},
	{"a relative socket", "[redis]\naddress = unix://run/redis.sock\n" CONSUMER,
	 "c.ini:2: address: the Redis address needs an absolute path: unix:///run/redis/redis.sock"},
	{"CPUs that are none", "[runner]\ncpus = all\n" CONSUMER,
	 "c.ini:2: cpus: \"all\" is not a list of CPUs; write auto, none, or numbers and ranges such as "
	 "0-3,6"},
	{"CPUs backwards", "[runner]\ncpus = 3-1\n" CONSUMER,
	 "c.ini:2: cpus: the range 3-1 runs backwards; write 1-3"},
	{"CPUs twice", "[runner]\ncpus = 0-2,1\n" CONSUMER,
	 "c.ini:2: cpus: CPU 1 is listed twice; name it once"},
	{"CPUs with a hole", "[runner]\ncpus = 0,,1\n" CONSUMER,
	 "c.ini:2: cpus: \"0,,1\" is not a list of CPUs; write auto, none, or numbers and ranges such as "
	 "0-3,6"},
	{"a CPU beyond all", "[runner]\ncpus = 99999\n" CONSUMER,
	 "c.ini:2: cpus: \"99999\" is not a list of CPUs; write auto, none, or numbers and ranges such as "
	 "0-3,6"},
	{"a start that is no place", CONSUMER "start = yesterday\n",
	 "c.ini:5: start: \"yesterday\" is not a start; write earliest, latest, an id "
	 "(1700000000000-0) or a time of UTC, with the Z (2026-11-23T13:00:00Z)"},
	{"a variable that is not set", "[redis]\npassword = ${SEG_TEST_UNSET}\n" CONSUMER,
	 "c.ini:2: password: the environment variable SEG_TEST_UNSET is not set; set it, or write "
	 "${SEG_TEST_UNSET:-default}"},
	{"a reference without its end", "[redis]\npassword = ${SEG_TEST_UNSET\n" CONSUMER,
	 "c.ini:2: password: a ${ has no closing }; write ${NAME}, or $$ for the character $"},
	{"a reference without a name", "[redis]\npassword = ${}\n" CONSUMER,
	 "c.ini:2: password: a ${...} does not name an environment variable; write ${NAME} or "
	 "${NAME:-default}, or $$ for the character $"},
	{"a reference in shell's grammar", "[redis]\npassword = ${A:?}\n" CONSUMER,
	 "c.ini:2: password: a ${...} does not name an environment variable; write ${NAME} or "
	 "${NAME:-default}, or $$ for the character $"},
	{"a single dollar", "[redis]\npassword = pa$word\n" CONSUMER,
	 "c.ini:2: password: a single $ has no meaning; write $$ for the character, or ${NAME} "
	 "for an environment variable"},
	{"a variable that is empty", "[redis]\npassword = ${SEG_TEST_EMPTY}\n" CONSUMER,
	 "c.ini:2: password: its environment variable is empty; set it, or remove the line"},
	{"a variable with a line end", "[redis]\npassword = ${SEG_TEST_LINES}\n" CONSUMER,
	 "c.ini:2: password: the environment variable SEG_TEST_LINES contains a control character, such as "
	 "a line end; remove that character"},
	{"a variable with a bad value", "[redis]\ntimeout = ${SEG_TEST_WORD}\n" CONSUMER,
	 "c.ini:2: timeout: \"soon\" is not a duration; write a number and a unit, such as 500ms, "
	 "10s or 5min"},
	{"a variable in a plugin's option", CONSUMER "option.url = ${SEG_TEST_UNSET}\n",
	 "c.ini:5: option.url: the environment variable SEG_TEST_UNSET is not set; set it, or "
	 "write ${SEG_TEST_UNSET:-default}"},
	{"an include that is missing", "include = /nonexistent/a.ini\n" CONSUMER,
	 "c.ini:1: include: /nonexistent/a.ini cannot be read: No such file or directory"},
	{"an include of a directory", "include = /\n" CONSUMER,
	 "c.ini:1: include: / is a directory; name a file in it"},
	{"an include of a device", "include = /dev/null\n" CONSUMER,
	 "c.ini:1: include: /dev/null is not a regular file; name a regular file"},
	{"an include of nothing", "include =\n" CONSUMER,
	 "c.ini:1: include: the path is missing; write include = PATH"},
	{"an include in a section", "[redis]\ninclude = a.ini\n" CONSUMER,
	 "c.ini:2: include belongs above the first section of the file; move it there"},
	{"an include misspelled", "inlcude = a.ini\n" CONSUMER,
	 "c.ini:1: unknown name \"inlcude\"; did you mean \"include\"?"},
	{"a consumer with nothing", "[consumer c]\n",
	 "c.ini:1: [consumer c] has no stream; add stream = ...\n"
	 "c.ini:1: [consumer c] has no group; add group = ...\n"
	 "c.ini:1: [consumer c] has no plugin; add plugin = ..."},
	{"a consumer without a plugin", "[consumer c]\nstream = s\ngroup = g\n",
	 "c.ini:1: [consumer c] has no plugin; add plugin = ..."},
	{"two consumers of one stream and group", CONSUMER "[consumer d]\nstream=s\ngroup=g\nplugin=p\n",
	 "c.ini:5: [consumer d] and [consumer c] (c.ini:1) have the same stream \"s\" and group "
	 "\"g\"; keep one section, each of its partitions has a thread"},
	{"one stream in two shapes",
	 CONSUMER "partitions = 4\n[consumer d]\nstream=s\ngroup=h\nplugin=p\npartitions = 8\n",
	 "c.ini:10: the stream \"s\" has a different shape in [consumer c] (c.ini:1); set the same "
	 "partitions, partition_size, overflow and packing in both"},
	{"a size without partitions", CONSUMER "partition_size = 1000\n",
	 "c.ini:5: partition_size has no effect without partitions; add partitions = NUMBER, which "
	 "registers the stream, or remove partition_size"},
	{"an overflow without partitions", CONSUMER "overflow = reject\n",
	 "c.ini:5: overflow has no effect without partitions; add partitions = NUMBER, which registers the "
	 "stream, or remove overflow"},
	{"a backoff above its bound", CONSUMER "retry_backoff = 1min\n",
	 "c.ini:5: retry_backoff (1min) is longer than retry_backoff_max (30s); lower the first or raise "
	 "the second"},
	{"a bound below the backoff", CONSUMER "retry_backoff_max = 50ms\n",
	 "c.ini:5: retry_backoff (100ms) is longer than retry_backoff_max (50ms); lower the first or raise "
	 "the second"},
	{"an embedded Redis without a directory", "[redis]\naddress = embedded\n" CONSUMER,
	 "c.ini:2: the embedded Redis has no directory for its data; add directory = PATH to "
	 "[redis]"},
	{"two passwords", "[redis]\npassword = a\npassword_file = /nonexistent\n" CONSUMER,
	 "c.ini:3: password_file and password (c.ini:2) are both set; remove one"},
	{"a password in the address too", "[redis]\naddress = redis://:a@h\npassword = b\n" CONSUMER,
	 "c.ini:3: password is set here, and address holds a password, too; remove one"},
	{"a user in the address too", "[redis]\naddress = redis://u:a@h\nuser = v\npassword = b\n" CONSUMER,
	 "c.ini:3: user is set here and in address; remove one\n"
	 "c.ini:4: password is set here, and address holds a password, too; remove one"},
	{"a user without a password", "[redis]\nuser = v\n" CONSUMER,
	 "c.ini:2: user is set without a password; add password_file = PATH or password"},
	{"a runner with the name of nobody", "[runner]\nname = -\n" CONSUMER,
	 "c.ini:2: name: \"-\" is reserved and means \"no runner\"; add a letter or a digit, or remove the "
	 "line"},
	{"TLS for an address without it",
	 "[redis]\naddress = redis://h\ntls_ca_file = ca\ntls_verify = no\n" CONSUMER,
	 "c.ini:3: tls_ca_file is set, but the address is without TLS; write rediss:// in address, or remove "
	 "tls_ca_file\n"
	 "c.ini:4: tls_verify is set, but the address is without TLS; write rediss:// in address, or remove "
	 "tls_verify"},
	{"a certificate without its key", "[redis]\naddress = rediss://h\ntls_cert_file = c\n" CONSUMER,
	 "c.ini:3: tls_cert_file is set without tls_key_file; add tls_key_file = PATH"},
	{"a key without its certificate", "[redis]\naddress = rediss://h\ntls_key_file = k\n" CONSUMER,
	 "c.ini:3: tls_key_file is set without tls_cert_file; add tls_cert_file = PATH"},
	{"an authority's file that is missing",
	 "[redis]\naddress = rediss://h\ntls_ca_file = /nonexistent\n" CONSUMER,
	 "c.ini:3: tls_ca_file: /nonexistent cannot be read: No such file or directory"},
	{"an authority's file that is a directory",
	 "[redis]\naddress = rediss://h\ntls_ca_file = /\n" CONSUMER,
	 "c.ini:3: tls_ca_file: / is not a regular file; name a PEM file"},
	{"an authority's file with something else",
	 "[redis]\naddress = rediss://h\ntls_ca_file = /etc/passwd\n" CONSUMER,
	 "c.ini:3: tls_ca_file: /etc/passwd holds no certificate; name a PEM file"},
	{"a directory of authorities that is a file",
	 "[redis]\naddress = rediss://h\ntls_ca_directory = /etc/passwd\n" CONSUMER,
	 "c.ini:3: tls_ca_directory: /etc/passwd is not a directory"},
	{"a user of the Sentinels without a password",
	 "[redis]\naddress = redis+sentinel://h/m\nsentinel_user = v\n" CONSUMER,
	 "c.ini:3: sentinel_user is set without a password; add sentinel_password_file = PATH"},
	{"a missing password file of the Sentinels",
	 "[redis]\naddress = redis+sentinel://h/m\nsentinel_password_file = /nonexistent\n" CONSUMER,
	 "c.ini:3: sentinel_password_file: /nonexistent cannot be read: No such file or directory"},
	{"a password file that is missing", "[redis]\npassword_file = /nonexistent\n" CONSUMER,
	 "c.ini:2: password_file: /nonexistent cannot be read: No such file or directory"},
	{"all mistakes at once",
	 "[redis]\nadress = redis://h\ntimeout = 10\n[runer]\nx = 1\n[consumer c]\nstream = a b\nbatch_size "
	 "= 0\n",
	 "c.ini:2: [redis] has no option \"adress\"; did you mean \"address\"?\n"
	 "c.ini:3: timeout: \"10\" has no unit; write one of ns us ms s min h d after it\n"
	 "c.ini:4: unknown section [runer]; did you mean [runner]?\n"
	 "c.ini:7: stream: the name \"a b\" contains ' '; only A-Z a-z 0-9 . _ - are allowed\n"
	 "c.ini:8: batch_size: \"0\" is too small; write 1 to 65536\n"
	 "c.ini:6: [consumer c] has no group; add group = ...\n"
	 "c.ini:6: [consumer c] has no plugin; add plugin = ..."},
	{"outputs that are wrong each in its own way",
	 CONSUMER "outputs = a, b, a, s\noutput.a.partition_size = 7\noutput.x.partitions = 4\n"
		  "output.b.partitions = 0\noutput.b.partitons = 4\n",
	 "c.ini:8: output.b.partitions: \"0\" is too small; write 1 to 65536\n"
	 "c.ini:9: output.b.partitons: write output.NAME.partitions = value; an output has partitions, "
	 "partition_size, overflow and packing\n"
	 "c.ini:5: outputs: \"a\" is named twice; remove one\n"
	 "c.ini:5: outputs: \"s\" is the stream that is read here: what it emits would come back for ever; "
	 "choose another stream\n"
	 "c.ini:6: output.a.partition_size has no effect without output.a.partitions; add it, which registers the "
	 "stream, or remove this line\n"
	 "c.ini:7: output.x.partitions has no effect: \"x\" is not one of the outputs; add it to outputs, or "
	 "remove this line"},
	{"a level of packing without an output", CONSUMER "packing_level = 3\n",
	 "c.ini:5: packing_level has no effect: the section has no output with packing = zstd; add one, or remove this line"},
	{"a level of packing where no output has zstd",
	 CONSUMER
	 "outputs = a, b\noutput.a.partitions = 4\noutput.a.packing = lz4\noutput.b.partitions = 4\npacking_level = 3\n",
	 "c.ini:9: packing_level has no effect: the section has no output with packing = zstd; add one, or remove this line"},
	{"a level of packing that zstd does not have",
	 CONSUMER "outputs = a\noutput.a.partitions = 4\noutput.a.packing = zstd\npacking_level = 23\n",
	 "c.ini:8: packing_level: \"23\" is too big; write 1 to 22"},
	{"an output without a name", CONSUMER "outputs = a, , c\n",
	 "c.ini:5: outputs: name 2 of the list is empty; write a name between two commas, such as a, b"},
	{"a comma after the last output", CONSUMER "outputs = a,\n",
	 "c.ini:5: outputs: name 2 of the list is empty; write a name between two commas, such as a, b"},
	{"a comma before the first output", CONSUMER "outputs = ,a\n",
	 "c.ini:5: outputs: name 1 of the list is empty; write a name between two commas, such as a, b"},
	{"outputs without a comma between them", CONSUMER "outputs = a b, c\n",
	 "c.ini:5: outputs: \"a b\" is not a stream's name; write a comma between two names, such as a, b"},
	{"an output with a character that no name has", CONSUMER "outputs = a, b/c\n",
	 "c.ini:5: outputs: the stream name \"b/c\" contains '/'; only A-Z a-z 0-9 . _ - are allowed"},
	{"a circle of outputs",
	 CONSUMER "outputs = a\n[consumer d]\nstream = a\ngroup = g\nplugin = p\noutputs = s\n",
	 "c.ini:5: outputs: what goes to \"a\" comes back to \"s\" through [consumer d] (c.ini:6), for ever; break "
	 "the circle\n"
	 "c.ini:10: outputs: what goes to \"s\" comes back to \"a\" through [consumer c] (c.ini:1), for ever; break "
	 "the circle"},
	{"a circle of outputs whose streams other sections read, too",
	 CONSUMER "[consumer d]\nstream = a\ngroup = g\nplugin = p\n"
		  "[consumer e]\nstream = s\ngroup = h\nplugin = p\noutputs = a\n"
		  "[consumer f]\nstream = a\ngroup = h\nplugin = p\noutputs = s\n",
	 "c.ini:13: outputs: what goes to \"a\" comes back to \"s\" through [consumer f] (c.ini:14), for ever; break "
	 "the circle\n"
	 "c.ini:18: outputs: what goes to \"s\" comes back to \"a\" through [consumer e] (c.ini:9), for ever; break "
	 "the circle"},
	{"a login for an embedded Redis", "[redis]\naddress = embedded\ndirectory = d\nuser = u\n" CONSUMER,
	 "c.ini:4: warning: user is ignored: only this segrunner can reach the embedded Redis"},
	{"a stop that cuts handlers short", "[runner]\nhandler_timeout = 1min\n" CONSUMER,
	 "c.ini:2: warning: handler_timeout (1min) is longer than shutdown_timeout (30s), so a "
	 "clean stop may cut a handler short; raise shutdown_timeout"},
};

/* All reported errors, one per line, without the last line's newline; the caller frees the text. */
static char *report(const seg_config_errors *errors)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	seg_config_errors_print(errors, out);
	assert_int_equal(fclose(out), 0);
	if (size)
		text[size - 1] = '\0';
	return text;
}

static void every_mistake_is_reported_with_its_line_and_its_cure(void **state)
{
	int failed = 0;
	(void)state;
	setenv("SEG_TEST_EMPTY", "", 1);
	setenv("SEG_TEST_LINES", "a\nb", 1);
	setenv("SEG_TEST_WORD", "soon", 1);
	unsetenv("SEG_TEST_UNSET");
	for (size_t i = 0; i < COUNT(mistakes); i++) {
		seg_config *config;
		seg_config_errors errors = {0};
		int status = seg_config_load_text("c.ini", mistakes[i].text, strlen(mistakes[i].text),
						  &config, &errors);
		bool only_warnings = errors.count == errors.warnings;
		char *text = report(&errors);
		if (strcmp(text, mistakes[i].errors) != 0 || status != (only_warnings ? 0 : SEG_EINVAL) ||
		    (config != NULL) != only_warnings) {
			print_error("%s: status %d, and\n%s\ninstead of\n%s\n", mistakes[i].name, status,
				    text, mistakes[i].errors);
			failed++;
		}
		free(text);
		seg_config_free(config);
		seg_config_errors_fini(&errors);
	}
	assert_int_equal(failed, 0);
}

static void expect_error(const char *text, size_t length, const char *expected)
{
	seg_config *config;
	seg_config_errors errors = {0};
	assert_int_equal(seg_config_load_text("c.ini", text, length, &config, &errors), SEG_EINVAL);
	assert_null(config);
	char *reported = report(&errors);
	assert_string_equal(reported, expected);
	free(reported);
	seg_config_errors_fini(&errors);
}

static void a_nul_byte_is_one_error_and_nothing_is_read(void **state)
{
	static const char text[] = "[redis]\n[\0x\0]\nrubbish\n";
	static const char utf16[] = "\xff\xfe[\0r\0]\0\n\0";
	(void)state;
	expect_error(
		text, sizeof(text) - 1,
		"c.ini:2: the line contains a NUL byte, so this is not a text file; if the file is UTF-16, "
		"save it as UTF-8\n"
		"c.ini: there is no [consumer NAME] section; add one with stream, group and plugin");
	expect_error(
		utf16, sizeof(utf16) - 1,
		"c.ini:1: the line contains a NUL byte, so this is not a text file; if the file is UTF-16, "
		"save it as UTF-8\n"
		"c.ini: there is no [consumer NAME] section; add one with stream, group and plugin");
}

static void a_line_over_four_kibibytes_is_an_error_and_the_next_one_is_read(void **state)
{
	char *text;
	(void)state;
	assert_true(asprintf(&text, "[runner]\nname = %04100d\nidle = doze\n" CONSUMER, 1) > 0);
	expect_error(text, strlen(text),
		     "c.ini:2: the line is 4107 bytes long; shorten it to 4096, or put the value into an "
		     "environment "
		     "variable\n"
		     "c.ini:3: idle: unknown value \"doze\"; write park, yield or spin");
	free(text);
}

static void a_cpu_that_this_process_may_not_use_is_an_error(void **state)
{
	(void)state;
	seg_config *config;
	seg_config_errors errors = {0};
	const char *text = "[runner]\ncpus = 8191\n" CONSUMER;
	assert_int_equal(seg_config_load_text("c.ini", text, strlen(text), &config, &errors), SEG_EINVAL);
	assert_non_null(strstr(errors.list[0].text,
			       "c.ini:2: cpus: this process may not use CPU 8191; write some of "));
	seg_config_errors_fini(&errors);
}

static void no_more_than_a_thousand_errors_are_listed(void **state)
{
	enum { LINES = 3000 };
	seg_config *config;
	seg_config_errors errors = {0};
	char *text = malloc(LINES * 2);
	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < LINES; i++)
		memcpy(text + 2 * i, "x\n", 2);
	assert_int_equal(seg_config_load_text("c.ini", text, LINES * 2, &config, &errors), SEG_EINVAL);
	assert_int_equal(errors.count, 1000);
	assert_true(errors.incomplete);
	char *reported = report(&errors);
	assert_non_null(strstr(reported, "\n"
					 "there are more errors than can be listed; mend these first"));
	free(reported);
	seg_config_errors_fini(&errors);
	free(text);
}

static void more_than_a_thousand_consumers_or_options_are_refused(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	(void)state;
	assert_non_null(out);
	fputs(CONSUMER, out);
	for (unsigned i = 0; i < 1001; i++)
		fprintf(out, "option.o%u = 1\n", i);
	for (unsigned i = 0; i < 1000; i++)
		fprintf(out, "[consumer c%u]\nstream = s%u\ngroup = g\nplugin = p\n", i, i);
	assert_int_equal(fclose(out), 0);
	expect_error(text, size,
		     "c.ini:1005: more than 1000 options for a plugin; remove some\n"
		     "c.ini:5002: more than 1000 consumers; move some to another runner");
	free(text);
}

static void no_mistake_around_a_password_repeats_it(void **state)
{
	static const char *const texts[] = {
		"[redis]\npassword swordfish\n",
		"[redis]\npassword swordfish: 1\n",
		"[redis] password = swordfish\n",
		"[password = swordfish\n",
		"[redis]\npassword = a${swordfish!}\n",
		"[redis]\npassword = swordfish$\n",
		"[redis]\npasword = swordfish\n",
		"password = swordfish\n",
		"[runner]\npassword = swordfish\n",
		"[redis]\npassword = swordfish\npassword = swordfish\n",
		"[redis]\naddress = redis://u:sword/swordfish@h:1\n",
		"[redis]\naddress = redis://u:swordfish@h:99999\n",
		"[redis]\naddress = redis://u:swordfish%@h\n",
		"[redis]\naddress = redis://swordfish@h\n",
		"[redis]\naddress = unix://u:swordfish@path\n",
		"[redis]\naddress = http://u:swordfish@h\n",
		"[redis]\naddress = redis://u:swordfish@h\npassword = swordfish\n",
		"include = https://u:swordfish@h/x.ini\n",
		"[runner]\nadmin = host?token=swordfish\n",
		"[consumer c]\nstream = password=swordfish\n",
	};
	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		seg_config *config;
		seg_config_errors errors = {0};
		assert_int_equal(seg_config_load_text("c.ini", texts[i], strlen(texts[i]), &config, &errors),
				 SEG_EINVAL);
		assert_true(errors.count > 0);
		for (size_t j = 0; j < errors.count; j++)
			if (strstr(errors.list[j].text, "swordfish"))
				fail_msg("%s", errors.list[j].text);
		seg_config_errors_fini(&errors);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mistake_is_reported_with_its_line_and_its_cure),
		cmocka_unit_test(a_nul_byte_is_one_error_and_nothing_is_read),
		cmocka_unit_test(a_line_over_four_kibibytes_is_an_error_and_the_next_one_is_read),
		cmocka_unit_test(a_cpu_that_this_process_may_not_use_is_an_error),
		cmocka_unit_test(no_more_than_a_thousand_errors_are_listed),
		cmocka_unit_test(more_than_a_thousand_consumers_or_options_are_refused),
		cmocka_unit_test(no_mistake_around_a_password_repeats_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
