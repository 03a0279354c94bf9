/* The intrusive list. */
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct item {
    int number;
    struct list link;
};

static void assert_numbers(struct list *head, const char *expected)
{
    char seen[64] = "";
    size_t count = 0;
    for (struct list *at = head->next; at != head; at = at->next) {
        seen[count++] = (char)('0' + list_entry(at, struct item, link)->number);
        assert_ptr_equal(at->next->prev, at);
    }
    assert_string_equal(seen, expected);
    assert_int_equal(list_empty(head), count == 0);
}

static void elements_come_out_in_the_order_they_went_in(void **state)
{
    (void)state;
    struct list head;
    struct item items[6];
    list_init(&head);
    assert_numbers(&head, "");
    for (int i = 0; i < 6; i++) {
        items[i].number = i;
        if (i < 4)
            list_push_back(&head, &items[i].link);
        else
            list_push_front(&head, &items[i].link);
    }
    assert_numbers(&head, "540123");
    assert_ptr_equal(list_pop_front(&head), &items[5].link);
    assert_numbers(&head, "40123");
}

static void a_list_moves_to_the_end_of_another(void **state)
{
    (void)state;
    struct list from;
    struct list to;
    struct item items[5];
    list_init(&from);
    list_init(&to);
    list_move(&from, &to);
    assert_numbers(&to, "");
    for (int i = 0; i < 5; i++) {
        items[i].number = i;
        list_push_back(i < 2 ? &to : &from, &items[i].link);
    }
    list_move(&from, &to);
    assert_numbers(&from, "");
    assert_numbers(&to, "01234");
    list_move(&to, &from);
    assert_numbers(&to, "");
    assert_numbers(&from, "01234");
}

static void a_list_moves_before_another(void **state)
{
    (void)state;
    struct list from;
    struct list to;
    struct item items[5];
    list_init(&from);
    list_init(&to);
    for (int i = 0; i < 5; i++) {
        items[i].number = i;
        list_push_back(i < 2 ? &to : &from, &items[i].link);
    }
    list_move_front(&from, &to);
    assert_numbers(&from, "");
    assert_numbers(&to, "23401");
    list_move_front(&from, &to);
    assert_numbers(&to, "23401");
    list_move_front(&to, &from);
    assert_numbers(&to, "");
    assert_numbers(&from, "23401");
}

static void an_element_may_leave_from_anywhere_and_twice(void **state)
{
    (void)state;
    struct list head;
    struct item items[4];
    list_init(&head);
    for (int i = 0; i < 4; i++) {
        items[i].number = i;
        list_push_back(&head, &items[i].link);
    }
    list_remove(&items[2].link);
    assert_numbers(&head, "013");
    list_remove(&items[2].link);
    assert_numbers(&head, "013");
    list_remove(&items[0].link);
    list_remove(&items[3].link);
    assert_numbers(&head, "1");
    list_push_front(&head, &items[2].link);
    assert_numbers(&head, "21");
    list_remove(&items[1].link);
    list_remove(&items[2].link);
    assert_numbers(&head, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_come_out_in_the_order_they_went_in),
        cmocka_unit_test(a_list_moves_to_the_end_of_another),
        cmocka_unit_test(a_list_moves_before_another),
        cmocka_unit_test(an_element_may_leave_from_anywhere_and_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
