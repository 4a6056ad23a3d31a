-- Tables and functions of catalogue; its GRANTs stand at its end.
SELECT 1;
