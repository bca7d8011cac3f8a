#include "ways/nats_library.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { MAJOR = 3, NEWEST_MINOR = 30, FUNCTIONS = sizeof(bench_nats_library) / sizeof(void *) };

/* In the order of the struct. */
static const char *const names[FUNCTIONS] = {
	"natsConnection_ConnectTo",
	"natsConnection_Destroy",
	"natsConnection_Flush",
	"natsConnection_RequestString",
	"natsConnection_PublishString",
	"natsConnection_PublishRequestString",
	"natsConnection_SubscribeSync",
	"natsSubscription_Destroy",
	"natsSubscription_NextMsg",
	"natsMsg_GetSubject",
	"natsMsg_GetReply",
	"natsMsg_GetData",
	"natsMsg_GetDataLength",
	"natsMsg_Destroy",
	"natsConnection_JetStream",
	"jsCtx_Destroy",
	"js_PublishAsync",
	"js_PublishAsyncComplete",
	"natsStatus_GetText",
};

/* The name of the library's file has the version. */
static void *open_library(void)
{
	char name[32];
	void *handle = dlopen("libnats.so", RTLD_LAZY);
	for (int minor = NEWEST_MINOR; !handle && minor >= 0; minor--) {
		snprintf(name, sizeof(name), "libnats.so.%d.%d", MAJOR, minor);
		handle = dlopen(name, RTLD_LAZY);
	}
	return handle;
}

bool bench_nats_library_load(bench_nats_library *library)
{
	void *handle = open_library(), *functions[FUNCTIONS];
	for (size_t i = 0; handle && i < FUNCTIONS; i++) {
		functions[i] = dlsym(handle, names[i]);
		if (!functions[i]) {
			dlclose(handle);
			handle = NULL;
		}
	}
	if (handle)
		memcpy(library, functions, sizeof(functions));
	return handle != NULL;
}
