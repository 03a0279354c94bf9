/* The files of the page as the assembler takes them in, each with a closing zero. CMake says where they are. */

#define TEXT_OF(symbol, path)                                                                                \
    __asm__(".pushsection .rodata\n"                                                                         \
            ".global " #symbol "\n"                                                                          \
            ".hidden " #symbol "\n" #symbol ":\n"                                                            \
            ".incbin \"" path "\"\n"                                                                         \
            ".byte 0\n"                                                                                      \
            ".popsection\n")

TEXT_OF(page_template, PAGE_DIRECTORY "/report.html");
TEXT_OF(page_style, PAGE_DIRECTORY "/report.css");
TEXT_OF(page_charts, PAGE_CHARTS);
TEXT_OF(page_script, PAGE_DIRECTORY "/report.js");
