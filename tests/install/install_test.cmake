# See CMakeLists.txt beside this file for the variables that come in.
set(stage ${WORK}/stage)
set(consumer ${CMAKE_CURRENT_LIST_DIR}/consumer)
file(REMOVE_RECURSE ${stage} ${WORK}/consumer)

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${stage}
  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
# Installed files must not lead back to where they were built.
execute_process(COMMAND grep -rlF ${BUILD} ${stage}/lib/cmake ${stage}/${PC_DIR}
  OUTPUT_VARIABLE leaks)
if(leaks)
  message(FATAL_ERROR "The build folder is named in ${leaks}")
endif()

# find_package
run(${CMAKE_COMMAND} -S ${consumer} -B ${WORK}/consumer -G ${GENERATOR} -DCMAKE_PREFIX_PATH=${stage}
  -DCMAKE_C_COMPILER=${CC} -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_CXX_FLAGS=${FLAGS})
run(${CMAKE_COMMAND} --build ${WORK}/consumer)
run(${WORK}/consumer/signal)
run(${WORK}/consumer/server)

# pkg-config
set(ENV{PKG_CONFIG_PATH} ${stage}/${PC_DIR})
execute_process(COMMAND pkg-config --cflags --libs wzp
  OUTPUT_VARIABLE wzp COMMAND_ERROR_IS_FATAL ANY OUTPUT_STRIP_TRAILING_WHITESPACE)
separate_arguments(wzp UNIX_COMMAND "${wzp}")
separate_arguments(FLAGS UNIX_COMMAND "${FLAGS}")
foreach(program IN ITEMS signal server)
  run(${CXX} -std=c++20 ${FLAGS} ${consumer}/${program}.cpp ${wzp} -o ${WORK}/${program})
  run(${WORK}/${program})
endforeach()
