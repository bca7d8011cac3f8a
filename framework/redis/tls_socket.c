#include "redis/tls_socket.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>

static pthread_once_t made = PTHREAD_ONCE_INIT;
static BIO_METHOD *method; /* NULL: there was no memory */

/* After a call that failed. */
static void note_failure(BIO *bio, int retry)
{
	seg_tls_socket *s = BIO_get_data(bio);
	if (errno == EAGAIN)
		BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
	else
		s->failure = errno;
}

static int read_socket(BIO *bio, char *buffer, int size)
{
	seg_tls_socket *s = BIO_get_data(bio);
	ssize_t n;
	BIO_clear_retry_flags(bio);
	do
		n = recv(s->fd, buffer, (size_t)size, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0 && !s->heard) {
		s->heard = true;
		s->first = (unsigned char)buffer[0];
	}
	s->ended = n == 0;
	if (n < 0)
		note_failure(bio, BIO_FLAGS_READ);
	return (int)n;
}

static int write_socket(BIO *bio, const char *bytes, int length)
{
	seg_tls_socket *s = BIO_get_data(bio);
	ssize_t n;
	BIO_clear_retry_flags(bio);
	do
		n = send(s->fd, bytes, (size_t)length, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		note_failure(bio, BIO_FLAGS_WRITE);
	return (int)n;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio, (void)number, (void)pointer;
	return command == BIO_CTRL_FLUSH; /* nothing is buffered here */
}

static void make_method(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "segmenter");
	if (!method)
		return;
	BIO_meth_set_read(method, read_socket);
	BIO_meth_set_write(method, write_socket);
	BIO_meth_set_ctrl(method, control);
}

BIO *seg_tls_socket_bio(seg_tls_socket *socket)
{
	pthread_once(&made, make_method);
	BIO *bio = method ? BIO_new(method) : NULL;
	if (!bio)
		return NULL;
	BIO_set_data(bio, socket);
	BIO_set_init(bio, 1);
	return bio;
}
