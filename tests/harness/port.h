/* port.h - free TCP ports for the servers of a test. */
#ifndef TEST_HARNESS_PORT_H
#define TEST_HARNESS_PORT_H

/*
 * A TCP port that is free on 127.0.0.1 now, and that no other call gives while this process lives. The port is not one
 * that the kernel gives to outgoing connections, so a server that was killed gets the same port at its restart.
 */
int test_port_free(void);

#endif
