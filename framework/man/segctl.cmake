# Writes the manual page segctl(1) to OUTPUT, from the help of PROGRAM and of each of its commands.
function(ask result)
  execute_process(COMMAND "${PROGRAM}" ${ARGN} --help OUTPUT_VARIABLE said COMMAND_ERROR_IS_FATAL ANY)
  string(REPLACE "\\" "\\e" said "${said}")
  string(REPLACE "-" "\\-" said "${said}")
  string(REPLACE "\n." "\n\\&." said "${said}")
  string(REPLACE "\n'" "\n\\&'" said "${said}")
  set(${result} "${said}" PARENT_SCOPE)
endfunction()

ask(said)
set(page ".TH SEGCTL 1 \"\" \"segctl ${VERSION}\" \"segctl\"
.SH NAME
segctl \\- shows and changes streams, groups and dead letters of segmenter
.SH SYNOPSIS
.nf
.in 0
.ft CR
${said}.ft
.in
.fi
.SH COMMANDS
")
# A row is "  stream create STREAM   Registers ...". CMake would read a semicolon or a bracket as part of a list.
string(REGEX REPLACE "[][;]" " " said "${said}")
string(REGEX MATCHALL "\n  [a-z]+( [a-z]+)? [^\n]*" rows "${said}")
foreach(row IN LISTS rows)
  string(REGEX MATCH "[a-z]+( [a-z]+)?" command "${row}")
  separate_arguments(words UNIX_COMMAND "${command}")
  ask(said ${words})
  string(APPEND page ".SS ${command}\n.nf\n.in 0\n.ft CR\n${said}.ft\n.in\n.fi\n")
endforeach()
string(APPEND page ".SH EXAMPLES
.nf
.ft CR
segctl \\-c shop.ini stream list
segctl \\-c shop.ini tail orders \\-\\-key alice \\-\\-follow
segctl \\-c shop.ini lag \\-\\-max\\-behind 5min
segctl \\-c shop.ini lag orders booking \\-\\-wait 1min
segctl \\-c shop.ini why orders booking 0
segctl \\-c shop.ini state get orders booking alice
segctl \\-c shop.ini dlq list orders booking \\-\\-by reason
segctl \\-c shop.ini dlq replay orders booking \\-\\-reason timeout \\-\\-dry\\-run
segctl \\-c shop.ini reset orders booking \\-\\-to 10min \\-\\-dry\\-run
.ft
.fi
")
string(APPEND page ".SH SEE ALSO\n.BR segrunner (1),\n.BR segrunner.ini (5)\n")
file(WRITE "${OUTPUT}" "${page}")
