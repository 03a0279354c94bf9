#include "net/loop.h"

#include "base/clock.h"
#include "net/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void on_no_wait(uv_idle_t *handle)
{
    (void)handle;
}

/* libuv runs its timers before it looks at the input, so the alarm only sees to it that the turn does not
 * wait; the timers run at its end (on_after_wait). */
static void on_alarm(uv_timer_t *alarm)
{
    struct net_loop *loop = alarm->data;
    (void)uv_idle_start(&loop->no_wait, on_no_wait);
}

/* The kernel's timer, which has nanoseconds and takes the time that clock.h gives; a time of zero stops it. */
static void loop_set_precise_alarm(struct net_loop *loop, int64_t next_ns)
{
    struct itimerspec at = {0};
    if (next_ns != CLOCK_NEVER) {
        int64_t due_ns = next_ns > 0 ? next_ns : 1;
        at.it_value.tv_sec = due_ns / CLOCK_NS_PER_S;
        at.it_value.tv_nsec = due_ns % CLOCK_NS_PER_S;
    }
    (void)timerfd_settime(loop->precise_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void on_precise_alarm(uv_poll_t *poll, int status, int events)
{
    struct net_loop *loop = poll->data;
    uint64_t times;
    (void)status;
    (void)events;
    (void)!read(loop->precise_fd, &times, sizeof times);
    (void)uv_idle_start(&loop->no_wait, on_no_wait);
}

/* libuv's clock has milliseconds, so the alarm is rounded up: a timer never runs early. It only moves when
 * the soonest timer does. */
static void loop_set_alarm(struct net_loop *loop)
{
    int64_t next_ns = timers_next_ns(&loop->timers);
    if (loop->precise_fd >= 0) {
        loop_set_precise_alarm(loop, next_ns);
        return;
    }
    if (next_ns == CLOCK_NEVER) {
        (void)uv_timer_stop(&loop->alarm);
        return;
    }
    int64_t wait_ns = next_ns - clock_now_ns();
    uint64_t wait_ms = wait_ns > 0 ? (uint64_t)(wait_ns + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS : 0;
    uv_update_time(&loop->uv);
    (void)uv_timer_start(&loop->alarm, on_alarm, wait_ms, 0);
}

static void on_after_wait(uv_check_t *handle)
{
    struct net_loop *loop = handle->data;
    if (!uv_is_active((const uv_handle_t *)&loop->no_wait))
        return;
    (void)uv_idle_stop(&loop->no_wait);
    struct timer *timer;
    loop->now_ns = clock_now_ns();
    while ((timer = timers_pop_due(&loop->timers, loop->now_ns)) != NULL)
        timer->expired(timer);
    loop_set_alarm(loop);
}

static void loop_flush(struct net_loop *loop)
{
    while (!list_empty(&loop->unflushed))
        net_connection_flush(list_entry(list_pop_front(&loop->unflushed), struct net_connection, unflushed));
}

static void on_before_wait(uv_prepare_t *handle)
{
    struct net_loop *loop = handle->data;
    loop_flush(loop);
    loop->last_reads = loop->reads;
    loop->reads = 0;
}

static void on_wake(uv_async_t *handle)
{
    struct net_loop *loop = handle->data;
    struct list tasks;
    list_init(&tasks);
    (void)pthread_mutex_lock(&loop->tasks_lock);
    list_move(&loop->tasks, &tasks);
    (void)pthread_mutex_unlock(&loop->tasks_lock);
    while (!list_empty(&tasks)) {
        struct net_task *task = list_entry(list_pop_front(&tasks), struct net_task, link);
        task->run(task);
    }
}

int net_loop_init(struct net_loop *loop)
{
    *loop = (struct net_loop){.now_ns = clock_now_ns(), .precise_fd = -1};
    list_init(&loop->unflushed);
    list_init(&loop->tasks);
    loop->read_buffer = malloc(NET_READ_BYTES);
    if (loop->read_buffer == NULL)
        return UV_ENOMEM;
    int error = uv_loop_init(&loop->uv);
    if (error != 0) {
        free(loop->read_buffer);
        return error;
    }
    error = uv_async_init(&loop->uv, &loop->wake, on_wake);
    if (error != 0) {
        (void)uv_loop_close(&loop->uv);
        free(loop->read_buffer);
        return error;
    }
    (void)uv_prepare_init(&loop->uv, &loop->before_wait);
    (void)uv_prepare_start(&loop->before_wait, on_before_wait);
    (void)uv_check_init(&loop->uv, &loop->after_wait);
    (void)uv_check_start(&loop->after_wait, on_after_wait);
    (void)uv_idle_init(&loop->uv, &loop->no_wait);
    (void)uv_timer_init(&loop->uv, &loop->alarm);
    loop->before_wait.data = loop->after_wait.data = loop->wake.data = loop->alarm.data = loop;
    (void)pthread_mutex_init(&loop->tasks_lock, NULL);
    return 0;
}

int net_loop_make_precise(struct net_loop *loop)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = uv_poll_init(&loop->uv, &loop->precise_alarm, fd);
    if (error != 0) {
        (void)close(fd);
        return error;
    }
    loop->precise_alarm.data = loop;
    loop->precise_fd = fd;
    return uv_poll_start(&loop->precise_alarm, UV_READABLE, on_precise_alarm);
}

void net_loop_run(struct net_loop *loop)
{
    while (!loop->stopping)
        (void)uv_run(&loop->uv, UV_RUN_ONCE);
    loop->stopping = false;
}

void net_loop_step(struct net_loop *loop, bool wait)
{
    loop->turning = true;
    (void)uv_run(&loop->uv, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    loop_flush(loop);
    loop->turning = false;
}

void net_loop_stop(struct net_loop *loop)
{
    loop->stopping = true;
}

int net_loop_timeout_ms(const struct net_loop *loop)
{
    if (!list_empty(&loop->unflushed))
        return 0;
    int timeout_ms = uv_backend_timeout(&loop->uv);
    if (timeout_ms <= 0)
        return timeout_ms;
    /* libuv counts from the loop's last turn, the host from now. */
    uint64_t passed_ms = uv_hrtime() / CLOCK_NS_PER_MS - uv_now(&loop->uv);
    return passed_ms < (uint64_t)timeout_ms ? timeout_ms - (int)passed_ms : 0;
}

bool net_loop_arm(struct net_loop *loop, struct timer *timer, int64_t due_ns)
{
    int64_t next_ns = timers_next_ns(&loop->timers);
    bool armed = timers_arm(&loop->timers, timer, due_ns);
    if (timers_next_ns(&loop->timers) < next_ns)
        loop_set_alarm(loop);
    return armed;
}

void net_loop_disarm(struct net_loop *loop, struct timer *timer)
{
    timers_disarm(&loop->timers, timer); /* an alarm that finds nothing due is set anew */
}

void net_loop_post(struct net_loop *loop, struct net_task *task)
{
    (void)pthread_mutex_lock(&loop->tasks_lock);
    bool first = list_empty(&loop->tasks);
    list_push_back(&loop->tasks, &task->link);
    (void)pthread_mutex_unlock(&loop->tasks_lock);
    if (first)
        (void)uv_async_send(&loop->wake);
}

void net_loop_free(struct net_loop *loop)
{
    uv_close((uv_handle_t *)&loop->before_wait, NULL);
    uv_close((uv_handle_t *)&loop->after_wait, NULL);
    uv_close((uv_handle_t *)&loop->no_wait, NULL);
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_close((uv_handle_t *)&loop->alarm, NULL);
    if (loop->precise_fd >= 0)
        uv_close((uv_handle_t *)&loop->precise_alarm, NULL);
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    (void)uv_loop_close(&loop->uv);
    timers_free(&loop->timers);
    (void)pthread_mutex_destroy(&loop->tasks_lock);
    if (loop->precise_fd >= 0)
        (void)close(loop->precise_fd);
    free(loop->plain_buffer);
    free(loop->read_buffer);
}
