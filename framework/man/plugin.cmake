# Writes OUTPUT, the manual page of PLUGIN, as SEGRUNNER prints it.
execute_process(COMMAND ${SEGRUNNER} plugin ${PLUGIN} --man
  OUTPUT_VARIABLE page ERROR_VARIABLE why RESULT_VARIABLE failed)
if(failed)
  # segrunner loads nothing that others can exchange, and a build may be in such a directory.
  message(WARNING "no manual page of the plugin ${NAME}: ${why}")
  set(page ".TH SEGRUNNER-${NAME} 7\n.SH NAME\nsegrunner\\-${NAME} \\- plugin of segrunner\n.SH OPTIONS\nRun:\n.B segrunner plugin ${NAME}\n")
endif()
file(WRITE ${OUTPUT} "${page}")
