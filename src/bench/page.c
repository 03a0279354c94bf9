/* The page that shows a document: a template, its style, a charting library and a script, all inside this program, so
 * that the page needs nothing but itself. */
#include "bench/document.h"
#include "bench/whole_file.h"

#include <stdlib.h>

/* The files, laid into this program by page_files.S. */
extern const char page_template[];
extern const char page_style[];
extern const char page_charts[];
extern const char page_script[];

/* JSON inside a script: a `<` is written as JSON allows it, so that nothing in it can end the script. */
static bool write_document(const json_t *document, FILE *to)
{
    char *text = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(9));
    if (text == NULL)
        return false;
    for (const char *at = text; *at != '\0'; at++)
        if (*at == '<')
            (void)fputs("\\u003c", to);
        else
            (void)fputc(*at, to);
    free(text);
    return true;
}

/* Puts what belongs there in the place of a marker at AT; returns its length, 0 where there is none. */
static size_t write_marked(const char *at, const json_t *document, FILE *to)
{
    static const struct {
        const char *marker;
        const char *text; /* NULL: the document */
    } places[] = {
        {"@style@", page_style}, {"@charts@", page_charts}, {"@document@", NULL}, {"@script@", page_script}};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        size_t size = strlen(places[i].marker);
        if (strncmp(at, places[i].marker, size) != 0)
            continue;
        if (places[i].text != NULL)
            (void)fputs(places[i].text, to);
        else if (!write_document(document, to))
            return 0;
        return size;
    }
    return 0;
}

bool page_write(const json_t *document, const char *path)
{
    struct whole_file file;
    if (!whole_file_begin(&file, path))
        return false;
    for (const char *at = page_template; *at != '\0';) {
        size_t size = *at == '@' ? write_marked(at, document, file.stream) : 0;
        if (size == 0)
            (void)fputc(*at++, file.stream);
        at += size;
    }
    return whole_file_end(&file);
}
