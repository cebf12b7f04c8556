import Commands

BenchCommand.main()
