-- Tables and functions of earning; its GRANTs stand at its end.
SELECT 1;
