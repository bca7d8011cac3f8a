# Debian packages: `cpack` in a build directory that was configured with -DCMAKE_INSTALL_PREFIX=/usr.
#
#   segrunner          the programs, their pages, the units, a configuration, plugins that need nothing more
#   segrunner-plugins  the plugins that bring a library along: http, lua, postgres
#   libsegmenter0      the shared library
#   libsegmenter-dev   headers, archive, find_package(segmenter), pkg-config, examples
set(SEG_PACKAGE_MAINTAINER "The segrunner authors <maintainers@segrunner.invalid>" CACHE STRING
  "Who answers for the packages: NAME <ADDRESS>")

# The version for Debian 12 sorts before the one for Debian 13, so that an upgrade of the system replaces the package.
cmake_host_system_information(RESULT system QUERY DISTRIB_INFO)
set(SEG_PACKAGE_REVISION 1)
if(system_VERSION_ID)
  set(SEG_PACKAGE_REVISION 1~${system_ID}${system_VERSION_ID})
endif()
set(package_directory ${CMAKE_CURRENT_LIST_DIR})
set(package_made ${PROJECT_BINARY_DIR}/package)
set(SEG_PACKAGE_VERSION ${PROJECT_VERSION}-${SEG_PACKAGE_REVISION})
set(SEG_PACKAGE_SUITE unstable)
if(system_VERSION_CODENAME)
  set(SEG_PACKAGE_SUITE ${system_VERSION_CODENAME})
endif()

# Only in packages: an installation from source would overwrite the user's own file.
install(FILES config/segrunner.ini DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/segrunner
  COMPONENT runtime EXCLUDE_FROM_ALL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME segrunner)
set(CPACK_PACKAGE_CONTACT "${SEG_PACKAGE_MAINTAINER}")
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_PRE_BUILD_SCRIPTS ${package_made}/stage.cmake)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL runtime plugins library development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${SEG_PACKAGE_REVISION})
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own: the first line of its description
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME segrunner)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION net)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_RECOMMENDS "redis-server (>= 5:7.0) | valkey-server")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SUGGESTS "segrunner-plugins, libsegmenter-dev, prometheus")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA
  ${package_directory}/segrunner/conffiles ${package_directory}/segrunner/postinst
  ${package_directory}/segrunner/prerm ${package_directory}/segrunner/postrm)
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION "ordered, partitioned stream handlers over Redis
Messages of a stream are spread over partitions by their key. Each partition is
owned by one runner at a time, which hands its messages to a native handler, in
the order they were sent. Runners that join, leave or die share the partitions
out again; what was committed is not repeated, what was not is handled again.

This package has segrunner, which runs handlers; segctl, the operator's tool;
segbench, which measures; and the handlers dedup, exec, file, log, route,
window and wordcount.")

set(CPACK_DEBIAN_PLUGINS_PACKAGE_NAME segrunner-plugins)
set(CPACK_DEBIAN_PLUGINS_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PLUGINS_PACKAGE_DEPENDS "segrunner (= ${SEG_PACKAGE_VERSION})")
set(CPACK_DEBIAN_PLUGINS_DESCRIPTION "handlers for segrunner: HTTP, Lua and PostgreSQL
Handlers of partitioned Redis streams that need more libraries than segrunner
itself: http posts messages to a web service, lua hands them to a script, and
postgres stores them as rows, each exactly once.")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libsegmenter${PROJECT_VERSION_MAJOR})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${package_made}/shlibs ${package_directory}/libsegmenter/triggers)
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "partitioned streams over Redis: the library
Sends messages to partitioned Redis streams, blocking, batched or asynchronous,
without duplicates; and reads them as a member of a group that shares the
partitions.")

# Users of the archive link its libraries, too, so this package depends on them.
set(development_needs libhiredis-dev libck-dev libjansson-dev libssl-dev)
if(LZ4_FOUND)
  list(APPEND development_needs liblz4-dev)
endif()
if(ZSTD_FOUND)
  list(APPEND development_needs libzstd-dev)
endif()
list(JOIN development_needs ", " development_needs)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libsegmenter-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
  "${CPACK_DEBIAN_LIBRARY_PACKAGE_NAME} (= ${SEG_PACKAGE_VERSION}), ${development_needs}")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_RECOMMENDS segrunner)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "partitioned streams over Redis: for developers
Headers, archive, CMake package and pkg-config file to build programs that send
and read partitioned Redis streams, and handlers that segrunner runs.")

# The additional files that Debian requires in a package; stage.cmake puts them there.
file(READ ${PROJECT_SOURCE_DIR}/LICENSE license)
string(REGEX MATCH "Permission is hereby granted.*" license "${license}")
string(STRIP "${license}" license)
string(REPLACE "\n\n" "\n.\n" license "${license}")
string(REPLACE "\n" "\n " license "${license}")
foreach(file changelog copyright stage.cmake libsegmenter/shlibs)
  get_filename_component(name ${file} NAME)
  configure_file(${package_directory}/${file}.in ${package_made}/${name} @ONLY)
endforeach()

include(CPack)
