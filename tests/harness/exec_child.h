/*
 * exec_child.h - children of the plugin exec that a test writes in shell or Python. Their files are in the test's directory
 * (rig.h).
 */
#ifndef TEST_HARNESS_EXEC_CHILD_H
#define TEST_HARNESS_EXEC_CHILD_H

#define TEST_OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* A command of the shell that answers a message. */
#define TEST_ANSWER(json) "echo '" json "'"

/* For cmocka: makes the directory; a child that ends does not end the test. */
int test_child_set_up(void **state);

/* An option "name=value" (printf), valid until the next one of this slot, 0 to 7. */
__attribute__((format(printf, 2, 3))) const char *test_child_option(int slot, const char *format, ...);

/* The option for a child in shell, in slot 0: `each` runs for each message, which is in $m. */
const char *test_child_shell(const char *each);

/* The content of a file, valid until the next call. "": there is none, or it is empty. */
const char *test_child_file(const char *name);

#endif
