/* One event loop on one thread: libuv's, with what mayfly adds to each turn of it. Connections that have
 * something to send are flushed together before the loop waits, so that a burst of calls becomes one write.
 * Timers run after the input that has come: a reply that lies in the socket of a thread that was late beats
 * its deadline.
 *
 * Unless a function says otherwise, a loop and all that is on it belongs to the thread that runs it. */
#ifndef MAYFLY_NET_LOOP_H
#define MAYFLY_NET_LOOP_H

#include "base/list.h"
#include "base/timers.h"

#include <pthread.h>
#include <uv.h>

struct net_task {
    struct list link;
    void (*run)(struct net_task *task);
};

struct net_loop {
    uv_loop_t uv;
    uv_prepare_t before_wait;
    uv_check_t after_wait;
    uv_idle_t no_wait; /* active when timers are due: input is looked at but not waited for */
    uv_timer_t alarm;
    uv_poll_t precise_alarm; /* in its place on a precise loop */
    int precise_fd;          /* a timerfd, or -1 */
    uv_async_t wake;
    struct list unflushed; /* connections */
    size_t reads;          /* connections that have brought something in this turn */
    size_t last_reads;     /* and in the one before */
    uint8_t *read_buffer;
    uint8_t *plain_buffer; /* what TLS makes of it; NULL until a connection has TLS */

    struct timers timers;
    int64_t now_ns; /* when the input or the timer being handled came */

    pthread_mutex_t tasks_lock;
    struct list tasks;
    bool stopping;
    bool turning;
};

/* Prepares a loop. 0 or a libuv error. */
int net_loop_init(struct net_loop *loop);

/* Has the loop's timers run within tens of microseconds of their time, where they are up to two milliseconds late
 * otherwise, for a system call each time the soonest timer changes. 0 or a libuv error. */
int net_loop_make_precise(struct net_loop *loop);

/* Turns the loop until net_loop_stop. */
void net_loop_run(struct net_loop *loop);

/* One turn: handles what is ready; where nothing is, waits for it if WAIT says so. What it had to say is
 * written when it returns. */
void net_loop_step(struct net_loop *loop, bool wait);

/* From within a turn: makes net_loop_run return after it. */
void net_loop_stop(struct net_loop *loop);

/* How long a host may wait before the next step: milliseconds, 0 for "not at all", -1 for "until the
 * descriptor is readable". */
int net_loop_timeout_ms(const struct net_loop *loop);

/* Arms a timer, whose `expired` this loop will call; false when memory is out. */
bool net_loop_arm(struct net_loop *loop, struct timer *timer, int64_t due_ns);
void net_loop_disarm(struct net_loop *loop, struct timer *timer);

/* Any thread: has TASK run on the loop's thread, soon. The task stays the caller's until it runs. */
void net_loop_post(struct net_loop *loop, struct net_task *task);

/* Frees a loop whose connections are closed; turns it until their handles are gone. */
void net_loop_free(struct net_loop *loop);

#endif
