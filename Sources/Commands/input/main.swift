import CommandSupport

InputCommand.main()
