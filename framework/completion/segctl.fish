# fish completion for segctl, which knows its commands, its options, and the names of streams and groups.
function __segctl_complete
	set -l words (commandline -opc) (commandline -ct)
	segctl --timeout 1s complete $words[2..-1] 2>/dev/null
end
complete -c segctl -f -a '(__segctl_complete)'
# Files only where segctl knows nothing better.
complete -c segctl -n 'not __segctl_complete | string length -q' -F
