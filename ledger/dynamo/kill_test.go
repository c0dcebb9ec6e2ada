package dynamo

const clientEnv = "REMIT_LEDGER_TEST_CLIENT"

func beClient() {}
