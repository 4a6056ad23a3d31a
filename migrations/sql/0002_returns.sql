-- Tables and functions of returns; its GRANTs stand at its end.
SELECT 1;
