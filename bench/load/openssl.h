/* What tls.c has for who works with OpenSSL himself. */
#ifndef LOAD_OPENSSL_H
#define LOAD_OPENSSL_H

#include "load.h"

#include <openssl/ssl.h>

SSL_CTX *new_tls_context(const struct address *address, bool serves);
_Noreturn void fail_in_tls(const char *what); /* with what OpenSSL says */

#endif
