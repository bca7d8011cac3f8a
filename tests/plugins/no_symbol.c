/* A shared object that is not a plugin: it exports no handler. */
int no_symbol(void);

int no_symbol(void)
{
	return 0;
}
