import CommandSupport

MasksCommand.main()
