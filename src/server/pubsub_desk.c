#include "server/pubsub_desk.h"

#include "base/clock.h"
#include "cachepubsub.pb-c.h"
#include "server/request.h"

#include <stdlib.h>

/* A turn is over when one of these is reached: about a millisecond, of which a connection's share is a system call. */
#define TURN_SUBSCRIBERS    512
#define TURN_CONNECTIONS    32
#define TURN_BYTES          ((size_t)512 << 10)

#define ROTA_A_TURN         256  /* more of them wait a little, and let others go first */
#define HEARTBEAT_MAX_BYTES 1024 /* more than any */

/* --- Rotas: who has waited longest for something is first, and is dealt with after a certain time --- */

struct rota_place {
    struct list link;
    int64_t since_ns;
};

struct rota {
    struct list places;
    struct timer timer;
    struct net_loop *loop;
    int64_t interval_ns;
    void (*deal)(struct rota_place *place); /* puts it last, or takes it out */
};

static void rota_put_last(struct rota *rota, struct rota_place *place)
{
    place->since_ns = clock_now_ns();
    list_remove(&place->link);
    list_push_back(&rota->places, &place->link);
}

static void rota_arm(struct rota *rota)
{
    if (list_empty(&rota->places) || timer_armed(&rota->timer))
        return;
    const struct rota_place *first = list_entry(rota->places.next, struct rota_place, link);
    (void)net_loop_arm(rota->loop, &rota->timer, clock_add(first->since_ns, rota->interval_ns));
}

static void on_rota(struct timer *timer)
{
    struct rota *rota = list_entry(timer, struct rota, timer);
    int64_t last_ns = rota->loop->now_ns - rota->interval_ns;
    for (unsigned i = 0; !list_empty(&rota->places); i++) {
        struct rota_place *first = list_entry(rota->places.next, struct rota_place, link);
        if (first->since_ns > last_ns)
            break;
        if (i == ROTA_A_TURN) {
            (void)net_loop_arm(rota->loop, timer, clock_now_ns() + CLOCK_NS_PER_MS);
            return;
        }
        rota->deal(first);
    }
    rota_arm(rota);
}

static void rota_init(struct rota *rota, struct net_loop *loop, int64_t interval_ns,
                      void (*deal)(struct rota_place *place))
{
    rota->loop = loop;
    rota->interval_ns = interval_ns;
    rota->deal = deal;
    list_init(&rota->places);
    timer_init(&rota->timer, on_rota);
}

/* --- The desk and its subscriptions --- */

struct turn {
    unsigned subscribers;
    unsigned connections;
    size_t bytes;
};

struct pubsub_desk {
    struct topics_listener listener;
    struct server_worker *worker;
    struct net_task hear;  /* something was published */
    struct net_task go_on; /* the last turn has left something to do, or there is room again */
    bool goes_on;          /* `go_on` is posted */

    struct list seats;        /* to be served */
    struct topics_seat *seat; /* is being served, and held for that; NULL if none is */
    struct list round;        /* its subscribers that have yet to be */
    struct list lines;        /* likewise: their connections have room */
    struct turn turn;

    size_t queued_bytes; /* the lines' sum */
    size_t queued_limit_bytes;
    size_t reserve_bytes; /* of a connection's room, for its other calls */

    struct rota quiet;   /* by when they were last sent anything */
    struct rota watched; /* by when it was last looked whether they read */
};

/* In its request's arena. */
struct subscription {
    struct list of_seat;
    struct list of_line;
    struct rota_place quiet;
    struct rota_place watched;
    struct server_request *request;
    struct topics_seat *seat;
    uint64_t cursor;       /* the number of the next message */
    size_t seen_bytes;     /* queued when it was last looked at */
    uint64_t queued_ever;  /* bytes */
    uint64_t watched_read; /* how many of them were read when it was last looked */
    bool was_behind;       /* and whether that was not all */
};

static struct pubsub_desk *desk_of(const struct subscription *subscription)
{
    return subscription->request->worker->pubsub;
}

static struct pubsub_line *line_of(const struct subscription *subscription)
{
    return &subscription->request->connection->line;
}

static const struct server_settings *settings_of(const struct pubsub_desk *desk)
{
    return desk->worker->server->settings;
}

static void desk_go_on(struct pubsub_desk *desk)
{
    if (desk->goes_on)
        return;
    desk->goes_on = true;
    net_loop_post(&desk->worker->loop, &desk->go_on);
}

/* --- Room, and waiting for it --- */

static bool desk_has_room(const struct pubsub_desk *desk)
{
    return desk->queued_bytes < desk->queued_limit_bytes;
}

/* Whether subscribers may queue a message of SIZE bytes on the connection. They leave a part of it for others, but a
 * message that is larger than their own part may still go on a connection that is all but empty. */
static bool connection_has_room(const struct pubsub_desk *desk, const struct server_connection *connection,
                                size_t size)
{
    size_t room = h2_room(connection->net->h2);
    return room > desk->reserve_bytes && room >= size;
}

static bool is_waiting(const struct subscription *subscription)
{
    return !list_empty(&subscription->of_line);
}

/* Whether others wait for the room that SUBSCRIPTION would take. */
static bool others_wait(const struct subscription *subscription)
{
    return !list_empty(&line_of(subscription)->waiting) || !list_empty(&desk_of(subscription)->lines);
}

static void serve_lines_soon(struct pubsub_desk *desk)
{
    if (!list_empty(&desk->lines) && desk_has_room(desk))
        desk_go_on(desk);
}

/* Puts a subscription last in its connection's line, which is served after the others, or, where the connection is
 * full, after it was flushed. */
static void wait_for_room(struct subscription *subscription, bool is_connection_full)
{
    struct pubsub_line *line = line_of(subscription);
    list_push_back(&line->waiting, &subscription->of_line);
    if (is_connection_full)
        list_remove(&line->of_desk);
    else if (list_empty(&line->of_desk))
        list_push_back(&desk_of(subscription)->lines, &line->of_desk);
    serve_lines_soon(desk_of(subscription));
}

/* LINE has no more than so many bytes queued any more. */
static void line_lower(struct pubsub_desk *desk, struct pubsub_line *line, size_t queued_bytes)
{
    if (line->queued_bytes <= queued_bytes)
        return;
    desk->queued_bytes -= line->queued_bytes - queued_bytes;
    line->queued_bytes = queued_bytes;
}

/* Notes what a subscription has queued now. */
static void count_seen(struct subscription *subscription, size_t queued_bytes)
{
    struct pubsub_line *line = line_of(subscription);
    line->seen_bytes += queued_bytes - subscription->seen_bytes;
    subscription->seen_bytes = queued_bytes;
    line_lower(desk_of(subscription), line, line->seen_bytes);
}

/* Counts what a subscription has queued since it had BEFORE_BYTES. */
static void count_queued(struct subscription *subscription, size_t before_bytes)
{
    struct pubsub_desk *desk = desk_of(subscription);
    size_t queued = h2_queued(subscription->request->call);
    size_t added = queued - before_bytes;
    line_of(subscription)->queued_bytes += added;
    desk->queued_bytes += added;
    desk->turn.bytes += added;
    subscription->queued_ever += added;
    count_seen(subscription, queued);
}

void pubsub_line_open(struct pubsub_line *line)
{
    list_init(&line->of_desk);
    list_init(&line->waiting);
}

void pubsub_line_flushed(struct server_connection *connection)
{
    struct pubsub_desk *desk = connection->worker->pubsub;
    struct pubsub_line *line = &connection->line;
    if (line->queued_bytes == 0 && list_empty(&line->waiting))
        return;
    line_lower(desk, line, (size_t)settings_of(desk)->max_buffered_bytes - h2_room(connection->net->h2));
    if (!list_empty(&line->waiting) && list_empty(&line->of_desk) && connection_has_room(desk, connection, 0))
        list_push_back(&desk->lines, &line->of_desk);
    serve_lines_soon(desk);
}

void pubsub_line_close(struct server_connection *connection)
{
    struct pubsub_desk *desk = connection->worker->pubsub;
    line_lower(desk, &connection->line, 0);
    list_remove(&connection->line.of_desk);
    serve_lines_soon(desk);
}

/* --- Sending to a subscriber; all of it is false when the request had to be failed --- */

static bool send_item(struct subscription *subscription, struct bytes item)
{
    uint8_t *to = server_reply_begin(subscription->request, item.size);
    if (to == NULL)
        return false;
    bytes_copy(to, item.data, item.size);
    server_reply_end(subscription->request, false);
    return true;
}

static bool send_heartbeat(struct subscription *subscription)
{
    const struct server_request *request = subscription->request;
    CacheClient__Pubsub__Heartbeat heartbeat = CACHE_CLIENT__PUBSUB____HEARTBEAT__INIT;
    CacheClient__Pubsub__SubscriptionItem item = CACHE_CLIENT__PUBSUB____SUBSCRIPTION_ITEM__INIT;
    item.kind_case = CACHE_CLIENT__PUBSUB____SUBSCRIPTION_ITEM__KIND_HEARTBEAT;
    item.heartbeat = &heartbeat;
    size_t before = h2_queued(request->call);
    if (!server_reply_message(subscription->request, &item.base, false))
        return false;
    count_queued(subscription, before);
    rota_put_last(&desk_of(subscription)->quiet, &subscription->quiet);
    return true;
}

/* Goes on where the window begins, and says what that leaves out. */
static bool send_discontinuity(struct subscription *subscription, const struct topics_window *window)
{
    uint64_t known = subscription->cursor < window->next ? subscription->cursor : window->next;
    CacheClient__Pubsub__Discontinuity discontinuity = CACHE_CLIENT__PUBSUB____DISCONTINUITY__INIT;
    discontinuity.last_topic_sequence = known > 0 ? known - 1 : 0;
    discontinuity.new_topic_sequence = window->first - 1; /* items go on behind it */
    discontinuity.new_sequence_page = window->page;
    CacheClient__Pubsub__SubscriptionItem item = CACHE_CLIENT__PUBSUB____SUBSCRIPTION_ITEM__INIT;
    item.kind_case = CACHE_CLIENT__PUBSUB____SUBSCRIPTION_ITEM__KIND_DISCONTINUITY;
    item.discontinuity = &discontinuity;
    subscription->cursor = window->first;
    return server_reply_message(subscription->request, &item.base, false);
}

/* The message at the cursor, where the window has it. */
static struct bytes message_at(const struct subscription *subscription, const struct topics_window *window)
{
    if (!topics_window_has(window, subscription->cursor))
        return bytes_make(NULL, 0);
    return topics_message_bytes(window->messages[subscription->cursor - window->first]);
}

/* Sends the message at the cursor, or brings the window there. */
static bool send_next(struct subscription *subscription, struct bytes message, struct topics_window *window)
{
    if (message.size > 0) {
        subscription->cursor++;
        return send_item(subscription, message);
    }
    topics_read(subscription->seat, subscription->cursor, window);
    return subscription->cursor == window->first || send_discontinuity(subscription, window);
}

/* Sends until the subscriber has all, or enough to read, or waits for room. */
static bool send_what_fits(struct subscription *subscription, struct topics_window *window)
{
    const struct server_request *request = subscription->request;
    const struct pubsub_desk *desk = desk_of(subscription);
    size_t enough = (size_t)settings_of(desk)->subscriber_buffer_bytes;
    while (subscription->cursor != window->next && h2_queued(request->call) < enough) {
        struct bytes message = message_at(subscription, window);
        bool is_connection_full = !connection_has_room(desk, request->connection, message.size);
        if (is_connection_full || !desk_has_room(desk)) {
            wait_for_room(subscription, is_connection_full);
            return true;
        }
        if (!send_next(subscription, message, window))
            return false;
    }
    return true;
}

/* Queues what the subscriber has not had, as far as there is room. */
static void catch_up(struct subscription *subscription, struct topics_window *window)
{
    const struct server_request *request = subscription->request;
    size_t before = h2_queued(request->call);
    bool is_well = send_what_fits(subscription, window);
    count_queued(subscription, before);
    if (is_well && h2_queued(request->call) > before)
        rota_put_last(&desk_of(subscription)->quiet, &subscription->quiet);
}

/* Something may be there to be sent. Those who wait get it when their turn comes. */
static void serve(struct subscription *subscription, struct topics_window *window)
{
    if (is_waiting(subscription))
        return;
    if (others_wait(subscription))
        wait_for_room(subscription,
                      !connection_has_room(desk_of(subscription), subscription->request->connection, 0));
    else
        catch_up(subscription, window);
}

/* --- Turns --- */

static bool turn_is_over(const struct turn *turn)
{
    return turn->subscribers >= TURN_SUBSCRIBERS || turn->connections >= TURN_CONNECTIONS ||
           turn->bytes >= TURN_BYTES;
}

/* Counts a subscriber that is about to be served, whose connection is flushed at the end of the turn. */
static void turn_pass(struct turn *turn, struct net_connection *net)
{
    turn->subscribers++;
    if (list_empty(&net->unflushed))
        turn->connections++;
    net_connection_flush_later(net);
}

/* Serves the first of the line that has waited longest; false where there is none or no room. */
static bool serve_line(struct pubsub_desk *desk)
{
    if (list_empty(&desk->lines) || !desk_has_room(desk))
        return false;
    struct pubsub_line *line = list_entry(list_pop_front(&desk->lines), struct pubsub_line, of_desk);
    if (list_empty(&line->waiting))
        return true;
    struct subscription *first = list_entry(list_pop_front(&line->waiting), struct subscription, of_line);
    if (!list_empty(&line->waiting))
        list_push_back(&desk->lines, &line->of_desk);
    turn_pass(&desk->turn, first->request->connection->net);
    struct topics_window window;
    topics_window_init(&window);
    catch_up(first, &window);
    topics_window_release(&window);
    return true;
}

/* Serves subscribers of the seat that is being served, most of which are at the same message; false where none is. */
static bool serve_seat(struct pubsub_desk *desk)
{
    if (desk->seat == NULL && (desk->seat = topics_listener_next(&desk->seats)) != NULL) {
        topics_seat_hold(desk->seat); /* it would go with its last subscriber */
        list_move(&desk->seat->subscribers, &desk->round);
    }
    struct topics_seat *seat = desk->seat;
    if (seat == NULL)
        return false;
    struct topics_window window;
    topics_window_init(&window);
    while (!list_empty(&desk->round) && !turn_is_over(&desk->turn)) {
        struct subscription *next = list_entry(list_pop_front(&desk->round), struct subscription, of_seat);
        list_push_back(&seat->subscribers, &next->of_seat);
        turn_pass(&desk->turn, next->request->connection->net);
        if (seat->is_gone)
            server_fail_store(next->request, STORE_NO_CACHE);
        else
            serve(next, &window);
    }
    topics_window_release(&window);
    if (list_empty(&desk->round)) {
        desk->seat = NULL;
        topics_seat_release(seat);
    }
    return true;
}

/* Serves lines and seats in turn until all is done, or as much as may be before others have their turn. */
static void desk_turn(struct pubsub_desk *desk)
{
    desk->turn = (struct turn){0};
    for (bool is_more = true; is_more;) {
        if (turn_is_over(&desk->turn)) {
            desk_go_on(desk);
            return;
        }
        is_more = serve_line(desk);
        is_more = serve_seat(desk) || is_more;
    }
}

static void run_hear(struct net_task *task)
{
    struct pubsub_desk *desk = list_entry(task, struct pubsub_desk, hear);
    topics_listener_take(&desk->listener, &desk->seats);
    if (!desk->goes_on)
        desk_turn(desk);
}

static void run_go_on(struct net_task *task)
{
    struct pubsub_desk *desk = list_entry(task, struct pubsub_desk, go_on);
    desk->goes_on = false;
    desk_turn(desk);
}

static void wake_desk(struct topics_listener *listener)
{
    struct pubsub_desk *desk = list_entry(listener, struct pubsub_desk, listener);
    net_loop_post(&desk->worker->loop, &desk->hear);
}

/* --- The life of a subscription --- */

static void on_resume(struct server_request *request)
{
    struct topics_window window;
    topics_window_init(&window);
    serve(request->state, &window);
    topics_window_release(&window);
}

static void on_closed(struct server_request *request)
{
    struct subscription *subscription = request->state;
    list_remove(&subscription->watched.link);
    count_seen(subscription, 0);
}

/* One that is answered is still watched while it has something to read. */
static void on_ended(struct server_request *request)
{
    struct subscription *subscription = request->state;
    list_remove(&subscription->of_seat);
    list_remove(&subscription->of_line);
    list_remove(&subscription->quiet.link);
    topics_leave(subscription->seat);
    if (request->finished)
        request->ended = on_closed;
    else
        on_closed(request);
}

enum topics_status pubsub_desk_join(struct server_request *request, struct topics_name name,
                                    struct topics_start start)
{
    struct pubsub_desk *desk = request->worker->pubsub;
    struct subscription *subscription = arena_alloc(&request->arena, sizeof *subscription);
    if (subscription == NULL)
        return TOPICS_NO_MEMORY;
    *subscription = (struct subscription){.request = request};
    enum topics_status status =
        topics_join(&desk->listener, name, start, &subscription->seat, &subscription->cursor);
    if (status != TOPICS_OK)
        return status;
    list_push_back(&subscription->seat->subscribers, &subscription->of_seat);
    list_init(&subscription->of_line);
    list_init(&subscription->quiet.link);
    list_init(&subscription->watched.link);
    rota_put_last(&desk->watched, &subscription->watched);
    request->state = subscription;
    request->resume = on_resume;
    request->ended = on_ended;
    return TOPICS_OK;
}

void pubsub_desk_begin(struct server_request *request)
{
    struct pubsub_desk *desk = request->worker->pubsub;
    if (!send_heartbeat(request->state))
        return;
    on_resume(request);
    rota_arm(&desk->quiet);
    rota_arm(&desk->watched);
}

/* A subscriber that has yet to read what it was sent needs no heartbeat. */
static void keep_alive(struct rota_place *place)
{
    struct subscription *subscription = list_entry(place, struct subscription, quiet);
    const struct server_request *request = subscription->request;
    struct net_connection *net = request->connection->net;
    if (h2_queued(request->call) > 0 || h2_room(net->h2) < HEARTBEAT_MAX_BYTES)
        rota_put_last(&desk_of(subscription)->quiet, place);
    else if (send_heartbeat(subscription))
        net_connection_flush_later(net);
}

/* Ends one that has read nothing of what is there for it since it was last looked after. */
static void check_reading(struct rota_place *place)
{
    struct subscription *subscription = list_entry(place, struct subscription, watched);
    struct server_request *request = subscription->request;
    struct net_connection *net = request->connection->net;
    size_t queued = h2_queued(request->call);
    uint64_t read = subscription->queued_ever - queued;
    if (queued > 0 && subscription->was_behind && read == subscription->watched_read) {
        server_request_abort(request);
        net_connection_flush_later(net);
        return;
    }
    subscription->was_behind = queued > 0 && !net->is_paused; /* which is the server's own doing */
    subscription->watched_read = read;
    count_seen(subscription, queued);
    serve_lines_soon(desk_of(subscription));
    rota_put_last(&desk_of(subscription)->watched, place);
}

/* --- Opening and closing --- */

struct pubsub_desk *pubsub_desk_open(struct server_worker *worker)
{
    struct pubsub_desk *desk = calloc(1, sizeof *desk);
    if (desk == NULL)
        return NULL;
    desk->worker = worker;
    desk->hear.run = run_hear;
    desk->go_on.run = run_go_on;
    list_init(&desk->seats);
    list_init(&desk->round);
    list_init(&desk->lines);
    const struct server_settings *settings = worker->server->settings;
    desk->queued_limit_bytes = (size_t)(settings->subscribers_memory_bytes / settings->threads);
    desk->reserve_bytes = (size_t)settings->max_buffered_bytes / 2;
    rota_init(&desk->quiet, &worker->loop, settings->topic_heartbeat_ns, keep_alive);
    rota_init(&desk->watched, &worker->loop, settings->stall_timeout_ns, check_reading);
    topics_listener_init(&desk->listener, worker->server->topics, wake_desk);
    return desk;
}

void pubsub_desk_close(struct pubsub_desk *desk)
{
    if (desk == NULL)
        return;
    if (desk->seat != NULL)
        topics_seat_release(desk->seat);
    topics_listener_free(&desk->listener);
    free(desk);
}
