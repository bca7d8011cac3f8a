#!/bin/sh
# A handler in shell, for segrunner's plugin `exec`: checks for each message that a file with the name of its key exists.
#
#     [consumer files]
#     stream = files
#     partitions = 4
#     group = files
#     plugin = exec
#     option.command = exec sh examples/exec-shell/handler.sh
#     option.directory = /srv/incoming
#
# Needs jq. A message is a line of JSON on standard input; its answer is a line on standard output. segrunner logs standard
# error.
set -eu

while IFS= read -r message; do
	key=$(printf '%s\n' "$message" | jq -r .key)
	case $key in
	*/* | '') printf '{"dead_letter":"the key is not the name of a file"}\n' ;;
	*)
		if [ -e "$key" ]; then
			printf '{"ok":true}\n'
		else
			echo "waiting for $key" >&2
			printf '{"retry":"the file is not there yet"}\n'
		fi
		;;
	esac
done
