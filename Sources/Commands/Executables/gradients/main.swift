import Commands

GradientsCommand.main()
