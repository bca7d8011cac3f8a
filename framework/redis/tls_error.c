#include "redis/tls_error.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "base/error.h"

/* The first byte of a TLS record: of an alert, or of the handshake. */
enum { ALERT = 0x15, HANDSHAKE = 0x16 };

static int explain_end(const seg_tls_attempt *a, seg_error *error)
{
	const char *how = a->socket->failure ? strerror(a->socket->failure) : "closed the connection";
	const char *joint = a->socket->failure ? ": " : " ";
	if (a->open)
		return seg_fail(error, SEG_EUNREACHABLE, "%s at %s%s%s", a->peer->name, a->where, joint, how);
	if (a->socket->heard)
		return seg_fail(error, SEG_EUNREACHABLE, "%s at %s%s%s during the TLS handshake",
				a->peer->name, a->where, joint, how);
	return seg_fail(error, SEG_EUNREACHABLE, "%s at %s%s%s during the TLS handshake%s", a->peer->name,
			a->where, joint, how, a->peer->not_tls);
}

static int needs_certificate(const seg_tls_attempt *a, seg_error *error)
{
	return seg_fail(error, SEG_EAUTH,
			"%s at %s requires a client certificate; set tls_cert_file and tls_key_file",
			a->peer->name, a->where);
}

/* The alerts that the server sent, and what went wrong on this side. */
static int explain_reason(const seg_tls_attempt *a, unsigned long code, seg_error *error)
{
	const char *text = ERR_reason_error_string(code);
	if (!text)
		text = "no reason is given";
	switch (ERR_GET_REASON(code)) {
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
		return needs_certificate(a, error);
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
	case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
		if (!a->shows)
			return needs_certificate(a, error);
		return seg_fail(
			error, SEG_EAUTH,
			"%s at %s refuses the certificate in tls_cert_file (%s); use a valid one that "
			"an authority of the server signed",
			a->peer->name, a->where, text);
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
	case SSL_R_UNSUPPORTED_PROTOCOL:
		return seg_fail(
			error, SEG_EPROTOCOL,
			"the server at %s allows no version of TLS that is allowed here; TLS 1.2 or later "
			"must be on there",
			a->where);
	case SSL_R_TLSV1_UNRECOGNIZED_NAME:
		return seg_fail(
			error, SEG_EAUTH,
			"the server at %s has no certificate for this name; set tls_server_name to the "
			"name that it expects",
			a->where);
	case SSL_R_TLSV1_ALERT_INTERNAL_ERROR:
		return seg_fail(error, SEG_EUNREACHABLE, "TLS with %s failed there: %s", a->where, text);
	default:
		/* What was open once can be opened again. */
		return seg_fail(error, a->open ? SEG_EUNREACHABLE : SEG_EPROTOCOL, "TLS with %s failed: %s",
				a->where, text);
	}
}

int seg_tls_explain(const seg_tls_attempt *a, seg_error *error)
{
	unsigned long code = ERR_peek_last_error();
	int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
	ERR_clear_error();
	if (a->socket->heard && a->socket->first != ALERT && a->socket->first != HANDSHAKE)
		return seg_fail(error, SEG_EPROTOCOL,
				"the server at %s does not speak TLS; write %s in the address", a->where,
				a->peer->plain);
	if (reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE && a->asked && !a->shows)
		return needs_certificate(a, error);
	if (!code || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING || a->socket->failure)
		return explain_end(a, error);
	return explain_reason(a, code, error);
}
