# Writes the manual page segbench(1) to OUTPUT, from the help of PROGRAM.
execute_process(COMMAND "${PROGRAM}" --help OUTPUT_VARIABLE said COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE "\\" "\\e" said "${said}")
string(REPLACE "-" "\\-" said "${said}")
file(WRITE "${OUTPUT}" ".TH SEGBENCH 1 \"\" \"segbench ${VERSION}\" \"segrunner\"
.SH NAME
segbench \\- measures segrunner and libsegmenter beside bare Redis
.SH SYNOPSIS
.nf
.in 0
.ft CR
${said}.ft
.in
.fi
.SH EXAMPLES
.nf
.ft CR
segbench \\-\\-quick
segbench \\-\\-only consume \\-\\-partitions 4 \\-\\-size 100
.ft
.fi
.SH SEE ALSO
.BR segrunner (1),
.BR segctl (1)
")
