/* libmayfly, a client for caches that speak the Momento protocol: all of it. */
#ifndef MAYFLY_MAYFLY_H
#define MAYFLY_MAYFLY_H

#include <mayfly/calls.h>
#include <mayfly/client.h>
#include <mayfly/collections.h>
#include <mayfly/configuration.h>
#include <mayfly/credentials.h>
#include <mayfly/leaderboards.h>
#include <mayfly/observe.h>
#include <mayfly/topics.h>
#include <mayfly/types.h>

#endif
