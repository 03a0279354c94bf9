# The files of the report's page, which src/bench/page_files.c takes into the program.

find_file(CHART_JS chart.min.js PATHS /usr/share/javascript/chart.js REQUIRED)
set(page ${PROJECT_SOURCE_DIR}/src/bench/page)
set_source_files_properties(src/bench/page_files.c PROPERTIES
    COMPILE_OPTIONS -fno-lto # its assembler code defines symbols, of which the optimiser would know nothing
    COMPILE_DEFINITIONS "PAGE_DIRECTORY=\"${page}\";PAGE_CHARTS=\"${CHART_JS}\""
    OBJECT_DEPENDS "${page}/report.html;${page}/report.css;${page}/report.js;${CHART_JS}")
