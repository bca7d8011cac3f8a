/*
 * environment.h - the environment of a child process, made before the fork: until it executes a program, a child of a process with
 * threads may not allocate. AddressSanitizer's locks are not reset by fork, so setenv in such a child may wait for ever.
 */
#ifndef TEST_ENVIRONMENT_H
#define TEST_ENVIRONMENT_H

/*
 * This process's environment with changes, which end with NULL: "NAME=value" sets, "NAME" removes. For execve; free() it. The strings
 * are borrowed.
 */
char **test_environment_with(const char *const *changes);

#endif
