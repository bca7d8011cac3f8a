# Copies the pages for users from SOURCE to OUTPUT, as they are installed. A link to a file that is not installed, such as a
# source file, becomes its text.
cmake_minimum_required(VERSION 3.16)
file(REMOVE_RECURSE ${OUTPUT})
file(GLOB pages RELATIVE ${SOURCE} ${SOURCE}/README.md ${SOURCE}/examples/README.md ${SOURCE}/examples/guides/*.md
  ${SOURCE}/plugins/*/README.md ${SOURCE}/framework/lua/README.md)
file(GLOB others RELATIVE ${SOURCE} ${SOURCE}/examples/guides/*.svg ${SOURCE}/config/*.ini
  ${SOURCE}/config/*/*.yml ${SOURCE}/config/*/*.json ${SOURCE}/examples/exec-*/*)
set(installed ${pages} ${others})

# Sets `text` to the page's, with the links that lead somewhere.
function(read_page page text)
  file(READ ${SOURCE}/${page} content)
  get_filename_component(folder ${SOURCE}/${page} DIRECTORY)
  # The targets alone: a list of CMake cannot hold a bracket without its partner.
  string(REGEX MATCHALL "\\([^() \t\n;]+\\)" targets "${content}")
  list(REMOVE_DUPLICATES targets)
  foreach(target IN LISTS targets)
    string(REGEX REPLACE "^\\((.*)\\)$" "\\1" target "${target}")
    string(FIND "${content}" "](${target})" there)
    if(there EQUAL -1 OR target MATCHES "^(#|[a-z]+:)")
      continue()
    endif()
    string(REGEX REPLACE "#.*" "" file "${target}")
    get_filename_component(file ${folder}/${file} ABSOLUTE)
    file(RELATIVE_PATH file ${SOURCE} ${file})
    if(NOT file IN_LIST installed)
      string(REGEX REPLACE "([][+.*()^$?\\\\])" "\\\\\\1" target "${target}")
      string(REGEX REPLACE "\\[([^][]*)\\]\\(${target}\\)" "\\1" content "${content}")
    endif()
  endforeach()
  set(${text} "${content}" PARENT_SCOPE)
endfunction()

foreach(page IN LISTS pages)
  read_page(${page} text)
  file(WRITE ${OUTPUT}/${page} "${text}")
endforeach()
foreach(other IN LISTS others)
  get_filename_component(folder ${OUTPUT}/${other} DIRECTORY)
  file(COPY ${SOURCE}/${other} DESTINATION ${folder})
endforeach()
