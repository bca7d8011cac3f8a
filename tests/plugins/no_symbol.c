/* A shared object, but no plugin: exports no handler. */
int no_symbol(void);

int no_symbol(void)
{
	return 0;
}
