import Commands

BenchCommand.start()
