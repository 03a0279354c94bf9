/* A doubly linked list whose links live in the elements, so that adding and removing never allocates.
 * The list is a ring through a head that belongs to no element. */
#ifndef MAYFLY_BASE_LIST_H
#define MAYFLY_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *prev;
};

/* The structure that holds the link LINK as its member MEMBER. */
#define list_entry(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void list_init(struct list *head)
{
    head->next = head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_push_back(struct list *head, struct list *link)
{
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

static inline void list_push_front(struct list *head, struct list *link)
{
    list_push_back(head->next, link);
}

/* Takes LINK out of the list it is in; safe to call again on a link that is in none. */
static inline void list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

/* Moves all elements of FROM to the end of TO. */
static inline void list_move(struct list *from, struct list *to)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

/* Moves all elements of FROM before those of TO. */
static inline void list_move_front(struct list *from, struct list *to)
{
    if (list_empty(from))
        return;
    list_move(to, from);
    list_move(from, to);
}

/* Takes the first element out; the list must not be empty. */
static inline struct list *list_pop_front(struct list *head)
{
    struct list *first = head->next;
    list_remove(first);
    return first;
}

#endif
