import Commands

LossesCommand.main()
