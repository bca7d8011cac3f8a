# fish completion for segctl, which knows its commands, its options, and the names of streams and groups.
function __segctl_complete
	set -l words (commandline -opc) (commandline -ct)
	segctl --timeout 1s complete $words[2..-1] 2>/dev/null
end
complete -c segctl -a '(__segctl_complete)'
