import CommandSupport

ProposalsCommand.main()
