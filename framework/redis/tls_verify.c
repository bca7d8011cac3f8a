#include "redis/tls_verify.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "redis/host_name.h"

enum { TEXT_MAX = 128 };

/* --- reading a certificate: its bytes are foreign ------------------------------------------ */

static void take_text(char text[TEXT_MAX], const ASN1_STRING *string)
{
	const unsigned char *bytes = ASN1_STRING_get0_data(string);
	int length = ASN1_STRING_length(string);
	int n = 0;
	for (; n < length && n < TEXT_MAX - 1; n++)
		text[n] = isgraph(bytes[n]) ? (char)bytes[n] : '?';
	text[n] = '\0';
}

static void print_name(char text[TEXT_MAX], const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int length = 0;
	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
		length = BIO_read(bio, text, TEXT_MAX - 1);
	text[length > 0 ? length : 0] = '\0';
	if (length <= 0)
		snprintf(text, TEXT_MAX, "without a subject");
	BIO_free(bio);
}

static void print_time(char text[TEXT_MAX], const ASN1_TIME *time)
{
	struct tm t;
	if (ASN1_TIME_to_tm(time, &t) != 1 || strftime(text, TEXT_MAX, "%Y-%m-%d %H:%M:%S UTC", &t) == 0)
		snprintf(text, TEXT_MAX, "a time that cannot be read");
}

static void print_ip(char text[TEXT_MAX], const ASN1_OCTET_STRING *ip)
{
	int length = ASN1_STRING_length(ip);
	text[0] = '\0';
	if (length == 4 || length == 16)
		inet_ntop(length == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(ip), text, TEXT_MAX);
}

/* The first name that the certificate is for: of a host, else an IP address; "" if it has none. */
static void find_alternative(char text[TEXT_MAX], const X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	bool found = false;
	text[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		found = name->type == GEN_DNS;
		if (found)
			take_text(text, name->d.dNSName);
		else if (name->type == GEN_IPADD && !text[0])
			print_ip(text, name->d.iPAddress);
	}
	GENERAL_NAMES_free(names);
}

/* A certificate without alternative names is for its common name. */
static void find_name(char text[TEXT_MAX], const X509 *certificate)
{
	find_alternative(text, certificate);
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int place = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (!text[0] && place >= 0)
		take_text(text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, place)));
}

/* --- the sentences ----------------------------------------------------------------------- */

static void say_other_name(seg_tls_verify *v, const X509 *certificate, const char *subject)
{
	char name[TEXT_MAX];
	/* A host of the address may be a password. */
	const char *wanted = v->told || seg_host_name_is_plain(v->name) ? v->name : "that name";
	const char *source = v->told ? ", which tls_server_name requires" : "";
	const char *otherwise = v->told ? "" : ", or connect by that name";
	find_name(name, certificate);
	if (!name[0])
		seg_fail(
			&v->error, SEG_EAUTH,
			"the certificate of %s (%s) is not for %s%s and names no host; give the server one that does",
			v->where, subject, wanted, source);
	else if (strchr(name, '*'))
		seg_fail(
			&v->error, SEG_EAUTH,
			"the certificate of %s (%s) is not for %s%s; set tls_server_name to a name such as %s%s",
			v->where, subject, wanted, source, name, otherwise);
	else
		seg_fail(&v->error, SEG_EAUTH,
			 "the certificate of %s (%s) is not for %s%s; set tls_server_name = %s%s", v->where,
			 subject, wanted, source, name, otherwise);
}

static void say_wrong_time(seg_tls_verify *v, const X509 *certificate, const char *subject, int depth)
{
	char first[TEXT_MAX], last[TEXT_MAX];
	const char *whose = depth > 0 ? "an authority behind " : "";
	print_time(first, X509_get0_notBefore(certificate));
	print_time(last, X509_get0_notAfter(certificate));
	if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
		seg_fail(
			&v->error, SEG_EAUTH,
			"the certificate of %s%s (%s) is valid only from %s; set the clocks, or use another certificate",
			whose, v->where, subject, first);
	else
		seg_fail(&v->error, SEG_EAUTH,
			 "the certificate of %s%s (%s) expired on %s; renew it on the server", whose,
			 v->where, subject, last);
}

/* Names the server's own certificate, and the authority that is missing, maybe further up the chain. */
static void say_untrusted(seg_tls_verify *v, const X509 *certificate, const X509 *last)
{
	char subject[TEXT_MAX], issuer[TEXT_MAX];
	print_name(subject, X509_get_subject_name(certificate));
	print_name(issuer, X509_get_issuer_name(last));
	seg_fail(
		&v->error, SEG_EAUTH,
		"the certificate of %s (%s) is signed by an authority that is not trusted (%s); set tls_ca_file "
		"to that authority's certificate",
		v->where, subject, issuer);
}

static void say(seg_tls_verify *v, X509_STORE_CTX *store)
{
	char subject[TEXT_MAX];
	int code = X509_STORE_CTX_get_error(store), depth = X509_STORE_CTX_get_error_depth(store);
	const X509 *certificate = X509_STORE_CTX_get_current_cert(store);
	if (!certificate)
		certificate = X509_STORE_CTX_get0_cert(store);
	print_name(subject, X509_get_subject_name(certificate));
	switch (code) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		say_other_name(v, certificate, subject);
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		say_wrong_time(v, certificate, subject, depth);
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		say_untrusted(v, X509_STORE_CTX_get0_cert(store), certificate);
		break;
	default:
		seg_fail(
			&v->error, SEG_EAUTH,
			"the certificate of %s (%s) is refused: %s; give the server another one, or tls_ca_file "
			"another authority",
			v->where, subject, X509_verify_cert_error_string(code));
		break;
	}
}

static int look(int good, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	if (!good)
		say(SSL_get_app_data(ssl), store);
	return good;
}

/* --- attaching ----------------------------------------------------------------------------- */

bool seg_tls_name_is_ip(const char *name)
{
	struct in6_addr space;
	return inet_pton(AF_INET, name, &space) == 1 || inet_pton(AF_INET6, name, &space) == 1;
}

bool seg_tls_verify_attach(seg_tls_verify *verify, SSL *ssl)
{
	X509_VERIFY_PARAM *expected = SSL_get0_param(ssl);
	X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	SSL_set_verify(ssl, SSL_VERIFY_PEER, look);
	if (SSL_set_app_data(ssl, verify) != 1)
		return false;
	return seg_tls_name_is_ip(verify->name) ? X509_VERIFY_PARAM_set1_ip_asc(expected, verify->name) == 1
						: X509_VERIFY_PARAM_set1_host(expected, verify->name, 0) == 1;
}
